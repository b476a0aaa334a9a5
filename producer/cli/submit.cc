// `millrace submit`: one job from arguments, a file or standard input.

#include <fmt/format.h>

#include <optional>

#include "common/base/uuid.h"
#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/interrupt.h"
#include "producer/cli/json_text.h"
#include "producer/cli/model.h"
#include "producer/cli/prompt.h"
#include "producer/cli/show.h"
#include "producer/cli/submit.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

Result<std::string> body_of(ApiClient& api, const SubmitOptions& options) {
    TRY(const auto input, input_json(options));
    auto model = options.model;
    if (model.empty()) {
        TRY(model, only_model(api, options.queue));
    }
    return json_with(json_with(envelope_json(options), "input", input), "model",
                     json_string(model));
}

// The job's id has already been printed.
int follow_job(const GlobalOptions& global, const SubmitOptions& options, const std::string& id) {
    if (options.follow) return run_tail(global, id);
    return run_wait(global, {.ids = {id}, .result = true});
}

}  // namespace

std::string random_key() {
    UuidGenerator generator(system_random());
    const auto now =
        std::chrono::duration_cast<milliseconds>(system_clock().wall().time_since_epoch());
    return generator.next(now).str();
}

int run_submit(const GlobalOptions& global, const SubmitOptions& options) {
    if (const auto fine = check_submit(options); !fine.has_value()) return fail(fine.error());
    const bool stays = options.wait || options.follow;
    if (!stays) keep_after_broken_pipe();  // The job stands even if nobody reads its id.
    if (!options.jsonl.empty()) return submit_lines(global, options);
    ApiClient api(global.url);
    auto body = body_of(api, options);
    if (!body.has_value()) return fail(body.error());
    std::optional<InterruptHold> hold(
        "waiting for the gateway's answer, which has the job's id; Ctrl-C again stops at once");
    const auto& key = options.idempotency_key;
    const auto job = api.submit(*std::move(body), key.empty() ? random_key() : key);
    if (!job.has_value()) return fail(job.error());
    const auto id = text_of(job->json, "id");
    if (stays) {
        fmt::print(stderr, "{}\n", id);
    } else if (!print_out((global.json ? one_line(job->text) : id) + "\n")) {
        note(fmt::format("the job was accepted: {}", id));
        return kFailure;
    }
    hold.reset();
    if (const int signal = InterruptHold::signal(); signal != 0) {
        note(interrupt_text(id, 1));
        return 128 + signal;
    }
    return stays ? follow_job(global, options, id) : int{kOk};
}

}  // namespace millrace::cli
