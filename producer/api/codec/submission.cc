#include "producer/api/codec/submission.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/result.h"
#include "common/base/text.h"
#include "common/config/value.h"
#include "common/json/json_syntax.h"
#include "common/json/json_writer.h"

namespace millrace::api::codec {

using json_text::check_json;
using json_text::JsonOutline;
using json_text::JsonWriter;
using json_text::position_text;
using json_text::utf8_length;
using server::Problem;
using server::ProblemCode;
using service::SubmitRequest;

namespace {

Decoded<JobPolicy> decode_policy(const JsonFields& job, const ApiOptions& options) {
    constexpr std::array<std::string_view, 4> kKnown{"start_within", "execution_timeout", "ttl",
                                                     "max_attempts"};
    JobPolicy policy{.execution_timeout = options.execution_timeout_default,
                     .ttl = options.ttl_default,
                     .attempts_max = options.attempts_default};
    const auto* value = job.find("policy");
    if (value == nullptr) return policy;
    if (value->kind() != JsonKind::kObject) {
        return wrong_type(job.path("policy"), *value, "an object such as {\"ttl\": \"24h\"}");
    }
    TRY(const auto fields, JsonFields::of(*value, job.path("policy"), kKnown, policy_advice()));
    TRY(policy.start_within, fields.duration("start_within", options.ttl_max));
    TRY(const auto ttl, fields.duration("ttl", options.ttl_max));
    TRY(const auto timeout, fields.duration("execution_timeout", options.execution_timeout_max));
    TRY(const auto attempts, fields.integer("max_attempts", 1, options.attempts_max));
    policy.execution_timeout = timeout.value_or(policy.execution_timeout);
    // A job that asks for more time to wait or run than the default ttl means it. The ttl is
    // extended by that time, so that the default remains for everything else.
    const auto asked = policy.start_within.value_or(milliseconds(0)) + policy.execution_timeout;
    if (policy.ttl && asked > *policy.ttl && (timeout || policy.start_within)) *policy.ttl += asked;
    if (ttl) policy.ttl = ttl;
    policy.attempts_max = static_cast<int>(attempts.value_or(policy.attempts_max));
    return policy;
}

std::optional<Problem> check_length(std::string_view text, std::size_t most,
                                    const std::string& path, std::string_view what) {
    const auto length = utf8_length(text);
    if (length <= most) return std::nullopt;
    return Problem{ProblemCode::kInvalidValue,
                   fmt::format("The {} of `{}` has {} characters; the maximum is {}.", what, path,
                               length, most),
                   path};
}

std::optional<Problem> check_pair(const JsonMember& pair, const std::string& path,
                                  const ApiOptions& options) {
    if (pair.value.kind() != JsonKind::kString) return wrong_type(path, pair.value, "a string");
    auto problem = check_length(pair.name, options.metadata_key_max, path, "key");
    if (problem) return problem;
    return check_length(pair.value.string(), options.metadata_value_max, path, "value");
}

Decoded<std::string> decode_metadata(const JsonFields& job, const ApiOptions& options) {
    const auto* value = job.find("metadata");
    if (value == nullptr) return std::string();
    const auto path = job.path("metadata");
    if (value->kind() != JsonKind::kObject) {
        return wrong_type(path, *value, "an object of strings such as {\"user\": \"42\"}");
    }
    const auto count = value->size();
    if (count > static_cast<std::size_t>(options.metadata_pairs_max)) {
        return Problem{ProblemCode::kInvalidValue,
                       fmt::format("`{}` has {} pairs; the maximum is {}.", path, count,
                                   options.metadata_pairs_max),
                       path};
    }
    const auto pairs = value->members();
    if (pairs.empty()) return std::string();
    JsonWriter json;
    json.begin_object();
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const auto& pair = pairs[i];
        const auto pair_path = join_path(path, shown(pair.name));
        const auto earlier = std::span(pairs).first(i);
        if (std::ranges::find(earlier, pair.name, &JsonMember::name) != earlier.end()) {
            return sent_twice(pair_path);
        }
        if (auto problem = check_pair(pair, pair_path, options)) return *std::move(problem);
        json.member(pair.name, pair.value.string());
    }
    json.end_object();
    return std::move(json).text();
}

Decoded<std::optional<storage::DbTime>> decode_run_at(const JsonFields& job,
                                                      const SubmissionRules& rules) {
    TRY(const auto time, job.time("run_at"));
    // Without a run_at, or with one that is due already, the job is queued at once.
    if (!time || *time <= rules.now) return std::optional<storage::DbTime>();
    if (*time <= rules.now + rules.options.run_at_ahead_max) return time;
    return wrong_value(job.path("run_at"), *job.find("run_at"),
                       fmt::format("a time at most {} ahead",
                                   config::show_duration(rules.options.run_at_ahead_max)));
}

Decoded<std::string> decode_model(const JsonFields& job) {
    constexpr std::string_view kWanted = "the model's name as a string";
    constexpr std::size_t kNameMax = 256;
    TRY(const auto value, job.require("model", kWanted));
    if (value.kind() != JsonKind::kString) return wrong_type(job.path("model"), value, kWanted);
    auto model = value.string();
    if (!model.empty() && model.size() <= kNameMax) return model;
    return wrong_value(job.path("model"), value, fmt::format("a name of 1 to {} bytes", kNameMax));
}

Decoded<std::string> decode_input(const JsonFields& job) {
    constexpr std::string_view kWanted =
        "an object such as {\"prompt\": \"…\"} or {\"messages\": […]}";
    TRY(const auto value, job.require("input", kWanted));
    if (value.kind() != JsonKind::kObject) return wrong_type(job.path("input"), value, kWanted);
    return std::string(value.text());
}

Decoded<std::string> decode_queue(const JsonFields& job, const SubmissionRules& rules) {
    TRY(auto given, job.string("queue", "the queue's name as a string"));
    auto queue = std::move(given).value_or(rules.options.queue_default);
    if (std::ranges::find(rules.queues, queue) != rules.queues.end()) return queue;
    return Problem{
        ProblemCode::kUnknownQueue,
        fmt::format("There is no queue \"{}\". {}", shown(queue), known_names(rules.queues)),
        job.path("queue")};
}

Decoded<Priority> decode_priority(const JsonFields& job) {
    constexpr std::string_view kWanted = "\"high\", \"normal\" or \"low\"";
    TRY(const auto text, job.string("priority", kWanted));
    if (!text) return Priority::kNormal;
    if (const auto priority = parse_priority(*text)) return *priority;
    return Problem{ProblemCode::kUnknownPriority,
                   fmt::format("There is no priority \"{}\"; send {}.", shown(*text), kWanted),
                   job.path("priority")};
}

Problem wrong_body(const JsonView& body, std::string_view wanted) {
    return {ProblemCode::kInvalidType,
            fmt::format("The body is {}; send {}.", phrase(body.kind()), wanted),
            {}};
}

Submission decode_job(const JsonView& value, const std::string& path,
                      const SubmissionRules& rules) {
    constexpr std::array<std::string_view, 7> kKnown{"model",  "input",    "priority", "queue",
                                                     "policy", "metadata", "run_at"};
    if (value.kind() != JsonKind::kObject) {
        constexpr std::string_view kWanted =
            "an object such as {\"model\": \"…\", \"input\": {\"prompt\": \"…\"}}";
        if (!path.empty()) return wrong_type(path, value, kWanted);
        constexpr std::string_view kMany = "one job, or many as {\"jobs\": […]} to /v1/jobs:batch";
        return wrong_body(value, value.kind() == JsonKind::kArray ? kMany : kWanted);
    }
    TRY(const auto job, JsonFields::of(value, path, kKnown, job_advice()));
    SubmitRequest request;
    TRY(request.spec.model, decode_model(job));
    TRY(request.spec.input_json, decode_input(job));
    TRY(request.spec.queue, decode_queue(job, rules));
    TRY(request.spec.priority, decode_priority(job));
    TRY(request.spec.policy, decode_policy(job, rules.options));
    TRY(request.spec.metadata_json, decode_metadata(job, rules.options));
    TRY(request.run_at, decode_run_at(job, rules));
    return request;
}

// The view borrows the outline.
Decoded<JsonView> check_body(std::string_view body, const ApiOptions& options,
                             JsonOutline* outline) {
    // Some tools put a byte order mark before UTF-8; RFC 8259 allows ignoring it.
    body = without_byte_order_mark(body);
    if (body.empty()) {
        return Problem{ProblemCode::kInvalidJson, "The body is empty; send a JSON object.", {}};
    }
    const auto fault = check_json(body, options.json_depth_max, outline);
    if (!fault) return JsonView(body, outline);
    return Problem{fault->too_deep ? ProblemCode::kJsonTooDeep : ProblemCode::kInvalidJson,
                   fmt::format("The body is invalid at {}: {}.", position_text(body, fault->offset),
                               fault->what),
                   {}};
}

}  // namespace

Decoded<JsonView> check_object(std::string_view body, const ApiOptions& options,
                               std::string_view wanted, JsonOutline* outline) {
    TRY(const auto value, check_body(body, options, outline));
    if (value.kind() != JsonKind::kObject) return wrong_body(value, wanted);
    return value;
}

Submission decode_submission(std::string_view body, const SubmissionRules& rules) {
    JsonOutline outline;
    TRY(const auto value, check_body(body, rules.options, &outline));
    return decode_job(value, "", rules);
}

Decoded<std::vector<Submission>> decode_batch(std::string_view body, const SubmissionRules& rules) {
    constexpr std::array<std::string_view, 1> kKnown{"jobs"};
    JsonOutline outline;
    TRY(const auto value,
        check_object(body, rules.options, "an object such as {\"jobs\": [{…}, {…}]}", &outline));
    TRY(const auto fields, JsonFields::of(value, "", kKnown, batch_advice()));
    TRY(const auto jobs, fields.require("jobs", "an array of jobs"));
    if (jobs.kind() != JsonKind::kArray) return wrong_type("jobs", jobs, "an array of jobs");
    const auto count = jobs.size();
    if (count == 0 || count > static_cast<std::size_t>(rules.options.submit_jobs_max)) {
        return Problem{ProblemCode::kInvalidValue,
                       fmt::format("`jobs` has {} entries; send 1 to {} at a time.", count,
                                   rules.options.submit_jobs_max),
                       "jobs"};
    }
    const auto items = jobs.items();
    std::vector<Submission> submissions;
    submissions.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        submissions.push_back(decode_job(items[i], fmt::format("jobs[{}]", i), rules));
    }
    return submissions;
}

std::string name_list(std::span<const std::string> names) {
    constexpr std::size_t kShownMax = 20;
    const auto shown_names = names.first(std::min(names.size(), kShownMax));
    const auto list = fmt::format("{}", fmt::join(shown_names, ", "));
    if (shown_names.size() == names.size()) return list + ".";
    return fmt::format("{} and {} more.", list, names.size() - shown_names.size());
}

std::string known_names(std::span<const std::string> names) {
    if (names.empty()) return "None is known yet.";
    return "The known ones are " + name_list(names);
}

}  // namespace millrace::api::codec
