// `millrace tail`: what happens to one job, as it happens, with its text as it is generated.

#include <fmt/format.h>

#include <cstdio>

#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

class Tail {
 public:
    explicit Tail(bool json) : json_(json) {}

    // False when the job is final.
    bool take(const http::ServerEvent& event) {
        const auto data = Json::parse(event.data, nullptr, false);
        if (!data.is_object()) return true;
        const auto type = data.value("type", event.type);
        if (json_) {
            fmt::print("{}\n", data.dump());
        } else {
            show(type, data);
        }
        std::fflush(stdout);
        if (!type.starts_with("job.") || !is_final(type.substr(4))) return true;
        final_ = type.substr(4);
        return false;
    }

    const std::string& final_status() const { return final_; }

 private:
    void show(const std::string& type, const Json& data) {
        if (type == "job.output.delta") {
            fmt::print("{}", printable(data.value("delta", std::string())));
            in_text_ = true;
            return;
        }
        if (in_text_) fmt::print("\n");
        in_text_ = false;
        const auto name = type.starts_with("job.") ? type.substr(4) : type;
        std::string line = coloured(status_colour(name), name);
        if (type == "job.progress") {
            const auto progress = data.value("progress", Json::object());
            line += fmt::format(" {:.0f} %", 100 * progress.value("fraction", 0.0));
        }
        if (type == "job.retrying") line += ": the job runs anew; the text above is void";
        fmt::print("{}\n", line);
    }

    bool json_;
    bool in_text_ = false;
    std::string final_;
};

}  // namespace

int run_tail(const GlobalOptions& global, const std::string& id) {
    ApiClient api(global.url);
    Tail tail(global.json);
    // A stream that breaks is opened again: it begins with where the job is now.
    constexpr int kReconnectsMax = 5;
    for (int i = 0; i < kReconnectsMax && tail.final_status().empty(); ++i) {
        const auto status =
            api.events(id, [&](const http::ServerEvent& event) { return tail.take(event); });
        if (!status.has_value()) return fail(status.error());
    }
    if (tail.final_status().empty()) {
        return fail({ErrorCode::kUnavailable, "the event stream ended before the job did"});
    }
    return tail.final_status() == "completed" ? kOk : kFailure;
}

}  // namespace millrace::cli
