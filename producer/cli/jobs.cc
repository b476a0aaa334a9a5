// `millrace get`, `wait`, `cancel`, `list`: jobs as they are.

#include <fmt/format.h>

#include <algorithm>

#include "common/base/clock.h"
#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

constexpr std::chrono::seconds kWaitAtOnce{30};  // Of one long poll; the gateway's limit is higher.

std::string text_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t number_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

void print_field(std::string_view label, const std::string& value) {
    if (!value.empty()) fmt::print("{:<12} {}\n", label, printable(value));
}

void print_error(const Json& job) {
    const auto error = job.value("error", Json());
    if (!error.is_object()) return;
    print_field("error", fmt::format("{}: {}", text_of(error, "code"), text_of(error, "message")));
}

void print_history(const Json& job) {
    if (!job.contains("attempts")) return;
    fmt::print("\n");
    Table table(
        {"ATTEMPT", "WORKER", "WAITED", "STARTED", "RAN", "OUTCOME", "COUNTED AS", "ERROR"});
    for (const auto& attempt : job["attempts"]) {
        const auto error = attempt.value("error", Json());
        const auto outcome = text_of(attempt, "outcome");
        table.add({std::to_string(number_of(attempt, "number")),
                   printable(text_of(attempt, "worker")),
                   duration_text(number_of(attempt, "waited_ms")),
                   time_text(number_of(attempt, "started_at")),
                   duration_text(number_of(attempt, "duration_ms")),
                   outcome.empty() ? "running" : outcome, text_of(attempt, "counted_as"),
                   error.is_object() ? printable(fmt::format("{}: {}", text_of(error, "code"),
                                                             text_of(error, "message")))
                                     : ""});
    }
    table.print();
}

void print_job(const Json& job) {
    const auto status = text_of(job, "status");
    fmt::print("{:<12} {}\n", "id", text_of(job, "id"));
    fmt::print("{:<12} {}\n", "status", coloured(status_colour(status), status));
    print_field("model", text_of(job, "model"));
    print_field("queue", text_of(job, "queue"));
    print_field("priority", text_of(job, "priority"));
    print_field("attempt",
                fmt::format("{} of {}", number_of(job, "attempt"), number_of(job, "max_attempts")));
    print_field("created", time_text(number_of(job, "created_at")));
    const auto timing = job.value("timing", Json());
    if (timing.is_object()) {
        print_field("queued", duration_text(number_of(timing, "queue_ms")));
        print_field("ran", duration_text(number_of(timing, "execution_ms")));
    }
    if (const auto wait = job.value("wait", Json()); wait.is_object()) {
        print_field("waits", text_of(wait, "reason"));
    }
    if (const auto at = number_of(job, "cancel_requested_at"); at > 0) {
        print_field("cancel asked", time_text(at));
    }
    print_field("client id", text_of(job, "client_id"));
    print_field("retry of", text_of(job, "retry_of"));
    print_field("retried by", text_of(job, "retried_by"));
    print_error(job);
    const auto output = job.value("output", Json());
    if (!output.is_null()) fmt::print("\n{}\n", printable(output_text(output.dump())));
}

int final_exit_code(const Json& job) {
    return text_of(job, "status") == "completed" ? kOk : kFailure;
}

std::string query_of(const ListOptions& options, const std::string& after) {
    std::string query = fmt::format("limit={}", options.limit);
    const auto add = [&](std::string_view key, const std::string& value) {
        if (!value.empty()) query += fmt::format("&{}={}", key, http::percent_encode(value));
    };
    add("status", options.status);
    add("queue", options.queue);
    add("priority", options.priority);
    add("model", options.model);
    add("error", options.error);
    for (const auto& pair : options.metadata) {
        const auto equals = std::min(pair.find('='), pair.size());
        const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string();
        add(fmt::format("metadata[{}]", pair.substr(0, equals)), value);
    }
    add("after", after);
    return query;
}

}  // namespace

std::string output_text(const std::string& output_json) {
    const auto output = Json::parse(output_json, nullptr, false);
    const auto choices = output.is_object() ? output.value("choices", Json()) : Json();
    if (choices.is_array() && !choices.empty()) {
        const auto& choice = choices[0];
        if (choice.contains("text")) return text_of(choice, "text");
        if (choice.contains("message")) return text_of(choice["message"], "content");
    }
    return output_json;
}

int run_get(const GlobalOptions& global, const GetOptions& options) {
    ApiClient api(global.url);
    const auto job = api.job(options.id, options.history ? "output,attempts" : "output");
    if (!job.has_value()) return fail(job.error());
    if (options.result) {
        const auto output = job->value("output", Json());
        if (output.is_null()) {
            return fail({ErrorCode::kConflict, fmt::format("{} is {}: it has no output", options.id,
                                                           text_of(*job, "status"))});
        }
        fmt::print("{}\n", global.json ? output.dump() : output_text(output.dump()));
        return kOk;
    }
    if (global.json) {
        fmt::print("{}\n", job->dump());
    } else {
        print_job(*job);
        print_history(*job);
    }
    return kOk;
}

int run_wait(const GlobalOptions& global, const WaitOptions& options) {
    ApiClient api(global.url);
    const bool bounded = options.timeout.count() > 0;
    const auto deadline = system_clock().now() + options.timeout;
    int worst = kOk;
    for (const auto& id : options.ids) {
        while (true) {
            auto slice = kWaitAtOnce;
            if (bounded) {
                const auto left =
                    std::chrono::ceil<std::chrono::seconds>(deadline - system_clock().now());
                if (left.count() <= 0) {
                    return fail(
                        {ErrorCode::kDeadlineExceeded, fmt::format("{} is not final yet", id)});
                }
                slice = std::min(slice, left);
            }
            const auto job = api.wait(id, slice);
            if (!job.has_value()) return fail(job.error());
            if (!is_final(text_of(*job, "status"))) continue;
            if (global.json) {
                fmt::print("{}\n", job->dump());
            } else if (options.ids.size() == 1) {
                print_job(*job);
            } else {
                const auto status = text_of(*job, "status");
                fmt::print("{} {}\n", id, coloured(status_colour(status), status));
            }
            worst = std::max(worst, final_exit_code(*job));
            break;
        }
    }
    return worst;
}

int run_cancel(const GlobalOptions& global, const std::vector<std::string>& ids) {
    ApiClient api(global.url);
    for (const auto& id : ids) {
        const auto job = api.cancel(id);
        if (!job.has_value()) return fail(job.error());
        fmt::print("{}\n", global.json ? job->dump() : id + " " + text_of(*job, "status"));
    }
    return kOk;
}

int run_list(const GlobalOptions& global, const ListOptions& options) {
    ApiClient api(global.url);
    Table table({"ID", "STATUS", "PRIORITY", "MODEL", "QUEUE", "CREATED", "WAITED", "RAN"});
    std::string after;
    while (true) {
        const auto page = api.list(query_of(options, after));
        if (!page.has_value()) return fail(page.error());
        for (const auto& job : (*page)["data"]) {
            if (global.json) {
                fmt::print("{}\n", job.dump());
                continue;
            }
            const auto timing = job.value("timing", Json::object());
            table.add({text_of(job, "id"), text_of(job, "status"), text_of(job, "priority"),
                       printable(text_of(job, "model")), text_of(job, "queue"),
                       time_text(number_of(job, "created_at")),
                       duration_text(number_of(timing, "queue_ms")),
                       duration_text(number_of(timing, "execution_ms"))});
        }
        if (!options.all || !page->value("has_more", false)) break;
        after = text_of(*page, "last_id");
    }
    if (!global.json) table.print();
    return kOk;
}

}  // namespace millrace::cli
