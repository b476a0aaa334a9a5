#include "producer/cli/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "producer/cli/json_text.h"
#include "producer/cli/utf8.h"

namespace millrace::cli {
namespace {

// Says what is wrong with a line; empty if it is an object.
std::string fault_of(std::string_view line) {
    if (!is_utf8(line)) return "not UTF-8 text";
    if (is_json(line)) return line.starts_with('{') ? "" : "not a JSON object";
    try {
        [[maybe_unused]] const auto json = nlohmann::json::parse(line);
    } catch (const nlohmann::json::parse_error& error) {
        return fmt::format("not JSON: it goes wrong at byte {}", error.byte);
    }
    return "not JSON";
}

}  // namespace

std::string file_name(std::string_view file) {
    return file == "-" ? "standard input" : std::string(file);
}

Result<std::vector<JobLine>> job_lines(std::string_view text, std::string_view file,
                                       std::string_view defaults) {
    text = without_byte_order_mark(text);
    std::vector<JobLine> jobs;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.empty()) continue;
        if (const auto fault = fault_of(line); !fault.empty()) {
            return Error{ErrorCode::kInvalidArgument,
                         fmt::format("{} line {}: {}; nothing was submitted", file_name(file),
                                     number, fault)};
        }
        auto body = json_merged(line, defaults);
        const auto members = json_members(body);
        const bool has_model =
            std::ranges::find(members, "model", &JsonMember::name) != members.end();
        jobs.push_back({number, std::move(body), has_model});
    }
    return jobs;
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
