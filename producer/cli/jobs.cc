// `millrace get` and `wait`: show jobs now, and when they end.

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "common/base/clock.h"
#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/interrupt.h"
#include "producer/cli/json_text.h"
#include "producer/cli/show.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

constexpr std::chrono::seconds kWaitAtOnce{30};  // Per long poll; below the gateway's limit.
// Between two polls of a gateway that does not support waiting.
constexpr milliseconds kPollInterval{1000};

int final_exit_code(const Json& job) {
    return text_of(job, "status") == "completed" ? kOk : kFailure;
}

// Returns the job once it is final. The first request does not wait: if the gateway then goes away,
// it has answered before, so the client waits for it.
Result<Answer> await(ApiClient& api, const std::string& id, MonoTime deadline) {
    auto slice = std::chrono::seconds(0);
    bool has_noted = false;
    while (true) {
        const auto now = system_clock().now();
        TRY(auto job, slice.count() == 0 ? api.job(id, "output") : api.wait(id, slice));
        if (is_final(text_of(job.json, "status"))) return job;
        if (!has_noted) has_noted = note_if_nobody_serves(job.json);
        // If an answer came early, there is no long poll here.
        const auto next = std::min(now + kPollInterval, deadline);
        if (slice.count() > 0 && system_clock().now() < next) std::this_thread::sleep_until(next);
        const auto left = deadline - system_clock().now();
        if (left.count() <= 0) {
            return Error{
                ErrorCode::kDeadlineExceeded,
                fmt::format("{0} is not final yet; `millrace wait {0}` goes on waiting", id)};
        }
        slice = std::min(std::chrono::ceil<std::chrono::seconds>(left), kWaitAtOnce);
    }
}

int print_final(const GlobalOptions& global, const WaitOptions& options, const Answer& job) {
    if (global.json) return print_out(one_line(job.text) + "\n") ? kOk : kFailure;
    if (options.result) return print_result(job);
    if (options.ids.size() == 1) return print_out(job_text(job)) ? kOk : kFailure;
    const auto status = text_of(job.json, "status");
    auto line =
        fmt::format("{} {}", text_of(job.json, "id"), coloured(status_colour(status), status));
    if (const auto error = error_of(job.json, "error"); !error.empty()) {
        line += fmt::format(" {}", for_output(one_line(error)));
    }
    return print_out(line + "\n") ? kOk : kFailure;
}

}  // namespace

int run_get(const GlobalOptions& global, const GetOptions& options) {
    if (options.result && options.history) {
        return fail(
            {ErrorCode::kInvalidArgument, "--result prints only the output: leave out --attempts"});
    }
    ApiClient api(global.url);
    const auto job = api.job(options.id, options.history ? "output,attempts" : "output");
    if (!job.has_value()) return fail(job.error());
    if (options.result) {
        const auto output = json_member(job->text, "output");
        if (output == "null") {
            return fail({ErrorCode::kConflict,
                         fmt::format("{} has no output ({})", options.id, ending_of(job->json))});
        }
        const auto text = global.json ? one_line(output) : for_output(output_text(output));
        return print_out(text + (text.ends_with('\n') ? "" : "\n")) ? kOk : kFailure;
    }
    return print_out(global.json ? one_line(job->text) + "\n" : job_text(*job)) ? kOk : kFailure;
}

int run_wait(const GlobalOptions& global, const WaitOptions& options) {
    if (options.result && options.ids.size() > 1) {
        return fail({ErrorCode::kInvalidArgument,
                     "--result prints the output of one job: give only one id"});
    }
    ApiClient api(global.url);
    const bool bounded = options.timeout.count() > 0;
    const auto deadline = bounded ? system_clock().now() + options.timeout : MonoTime::max();
    api.set_deadline(deadline);
    const InterruptNote note(interrupt_text(options.ids.front(), options.ids.size()));
    int worst = kOk;
    for (const auto& id : options.ids) {
        const auto job = await(api, id, deadline);
        if (!job.has_value()) {
            worst = std::max(worst, fail(job.error()));
            // Go on: there may still be something to print about the others.
            if (job.error().code == ErrorCode::kNotFound) continue;
            return worst;
        }
        worst = std::max({worst, print_final(global, options, *job), final_exit_code(job->json)});
    }
    return worst;
}

}  // namespace millrace::cli
