// `millrace submit`: one job from arguments, a file or standard input, or many from JSON lines.

#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

constexpr std::size_t kBatchJobs = 500;  // Per POST /v1/jobs:batch.

Error usage(std::string message) {
    return {ErrorCode::kInvalidArgument, std::move(message)};
}

Result<std::string> read_all(const std::string& file) {
    if (file == "-") {
        return std::string(std::istreambuf_iterator<char>(std::cin), {});
    }
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return usage(fmt::format("cannot read {}", file));
    return std::string(std::istreambuf_iterator<char>(stream), {});
}

Result<std::string> prompt_text(const SubmitOptions& options) {
    if (!options.file.empty()) return read_all(options.file);
    if (options.prompt.size() == 1 && options.prompt[0] == "-") return read_all("-");
    if (options.prompt.empty()) {
        return usage("nothing to submit: give a prompt, --file, --input or --jsonl");
    }
    return fmt::format("{}", fmt::join(options.prompt, " "));
}

Result<Json> input_of(const SubmitOptions& options) {
    if (!options.input.empty()) {
        auto input = Json::parse(options.input, nullptr, false);
        if (!input.is_object()) return usage("--input must be a JSON object");
        return success(std::move(input));
    }
    TRY(auto prompt, prompt_text(options));
    Json input = Json::object();
    if (options.chat) {
        input["messages"] = Json::array({{{"role", "user"}, {"content", prompt}}});
    } else {
        input["prompt"] = prompt;
    }
    if (options.tokens_max) input["max_tokens"] = *options.tokens_max;
    return success(std::move(input));
}

Status add_metadata(Json& job, const std::vector<std::string>& pairs) {
    for (const auto& pair : pairs) {
        const auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0) {
            return usage(fmt::format("--metadata takes key=value, not '{}'", pair));
        }
        job["metadata"][pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return ok();
}

// What the command line says beside the input; also the defaults of jobs from JSON lines.
Result<Json> envelope(const SubmitOptions& options) {
    Json job{{"model", options.model}};
    if (!options.queue.empty()) job["queue"] = options.queue;
    if (!options.priority.empty()) job["priority"] = options.priority;
    if (!options.run_at.empty()) job["run_at"] = options.run_at;
    if (!options.timeout.empty()) job["policy"]["execution_timeout"] = options.timeout;
    if (!options.ttl.empty()) job["policy"]["ttl"] = options.ttl;
    if (options.attempts_max) job["policy"]["max_attempts"] = *options.attempts_max;
    TRY_STATUS(add_metadata(job, options.metadata));
    return success(std::move(job));
}

Result<Json> jobs_of_lines(const SubmitOptions& options) {
    TRY(const auto text, read_all(options.jsonl));
    TRY(const auto defaults, envelope(options));
    Json jobs = Json::array();
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const auto line = text.substr(at, end - at);
        at = end + 1;
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        auto job = Json::parse(line, nullptr, false);
        if (!job.is_object()) {
            return usage(fmt::format("{} line {}: not a JSON object", options.jsonl, number));
        }
        Json whole = defaults;
        whole.update(job);
        jobs.push_back(std::move(whole));
    }
    return success(std::move(jobs));
}

int submit_lines(const GlobalOptions& global, const SubmitOptions& options) {
    const auto jobs = jobs_of_lines(options);
    if (!jobs.has_value()) return fail(jobs.error());
    ApiClient api(global.url);
    ProgressBar bar("submitting", jobs->size());
    std::size_t refused = 0;
    for (std::size_t at = 0; at < jobs->size(); at += kBatchJobs) {
        const auto count = std::min(kBatchJobs, jobs->size() - at);
        const auto first = jobs->begin() + static_cast<Json::difference_type>(at);
        const Json slice(
            std::vector<Json>(first, first + static_cast<Json::difference_type>(count)));
        const auto replies = api.submit_batch(slice);
        if (!replies.has_value()) return fail(replies.error());
        for (std::size_t i = 0; i < replies->size(); ++i) {
            const auto& reply = (*replies)[i];
            if (reply.contains("id")) {
                fmt::print("{}\n", global.json ? reply.dump() : reply["id"].get<std::string>());
                continue;
            }
            ++refused;
            const auto error = reply.value("error", Json::object());
            fmt::print(stderr, "millrace: job {}: {}\n", at + i + 1,
                       error.value("message", std::string("refused")));
        }
        bar.advance(count);
    }
    return refused == 0 ? kOk : kUsage;
}

}  // namespace

int run_submit(const GlobalOptions& global, const SubmitOptions& options) {
    if (!options.jsonl.empty()) return submit_lines(global, options);
    auto job = envelope(options);
    if (!job.has_value()) return fail(job.error());
    auto input = input_of(options);
    if (!input.has_value()) return fail(input.error());
    (*job)["input"] = *std::move(input);

    ApiClient api(global.url);
    const auto reply = api.submit(*job, options.idempotency_key);
    if (!reply.has_value()) return fail(reply.error());
    const auto id = reply->value("id", std::string());
    if (options.follow) return run_tail(global, id);
    if (options.wait) return run_wait(global, {.ids = {id}});
    fmt::print("{}\n", global.json ? reply->dump() : id);
    return kOk;
}

}  // namespace millrace::cli
