#include "producer/cli/batches.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/text.h"
#include "producer/cli/json_text.h"

namespace millrace::cli {
std::string file_name(std::string_view file) {
    return file == "-" ? "standard input" : std::string(file);
}

JobLines job_lines(std::string_view text, std::string_view file, std::string_view defaults) {
    text = without_byte_order_mark(text);
    JobLines lines;
    std::size_t number = 0;
    for (auto rest = text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (line.empty()) continue;
        if (const auto fault = object_fault(text, line); !fault.empty()) {
            ++lines.faults_count;
            if (lines.faults.size() == kFaultsShown) continue;
            lines.faults.push_back(fmt::format("{} {}", file_name(file), fault));
            continue;
        }
        auto body = json_merged(line, defaults);
        const auto members = json_members(body);
        const bool has_model =
            std::ranges::find(members, "model", &JsonMember::name) != members.end();
        lines.jobs.push_back({number, std::move(body), has_model});
    }
    return lines;
}

std::string without_place(std::string message) {
    constexpr std::string_view kPlace = "jobs[";
    for (auto at = message.find(kPlace); at != std::string::npos; at = message.find(kPlace, at)) {
        const auto end = message.find_first_not_of("0123456789", at + kPlace.size());
        const bool is_place = end != std::string::npos && message.compare(end, 2, "].") == 0;
        if (is_place) message.erase(at, end + 2 - at);
        at += is_place ? 0 : kPlace.size();
    }
    return message;
}

std::size_t batch_size(const std::vector<JobLine>& jobs, std::size_t first) {
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (first + count < jobs.size() && count < kBatchJobsMax) {
        bytes += jobs[first + count].body.size() + 1;
        if (count > 0 && bytes > kBatchBytesMax) break;
        ++count;
    }
    return count;
}

}  // namespace millrace::cli
