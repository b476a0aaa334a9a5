#include "producer/cli/show.h"

#include <fmt/format.h>

#include "producer/cli/exit_code.h"
#include "producer/cli/json_text.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

class Fields {
 public:
    void add(std::string_view label, std::string_view value) {
        if (!value.empty()) text_ += fmt::format("{:<13}{}\n", label, for_output(value));
    }
    void add_time(std::string_view label, std::int64_t time) {
        if (time > 0) add(label, time_text(time));
    }
    void add_line(std::string_view line) { text_ += fmt::format("{}\n", line); }
    std::string take() { return std::move(text_); }

 private:
    std::string text_;
};

void add_attempts(Fields& fields, const Json& job) {
    const auto started = number_of(job, "attempt");
    if (started == 0) return;
    auto text = fmt::format("{} of at most {} failures", number_of(job, "failures"),
                            number_of(job, "max_attempts"));
    if (const auto count = number_of(job, "interruptions"); count > 0) {
        text += fmt::format(", {} interruption{}", count, count == 1 ? "" : "s");
    }
    fields.add("attempt", fmt::format("{} ({})", started, text));
}

void add_times(Fields& fields, const Json& job) {
    fields.add_time("created", number_of(job, "created_at"));
    const auto& timing = member_of(job, "timing");
    if (member_of(timing, "queue_ms").is_number()) {
        fields.add("queued", duration_text(number_of(timing, "queue_ms")));
    }
    fields.add_time("started", number_of(job, "started_at"));
    if (number_of(job, "started_at") > 0 && member_of(timing, "execution_ms").is_number()) {
        const bool runs = number_of(job, "completed_at") == 0;
        fields.add(runs ? "running for" : "ran", duration_text(number_of(timing, "execution_ms")));
    }
    fields.add_time("ended", number_of(job, "completed_at"));
    if (!is_final(text_of(job, "status"))) {
        fields.add_time("expires", number_of(job, "expires_at"));
    }
    fields.add_time("cancel asked", number_of(job, "cancel_requested_at"));
}

void add_wait(Fields& fields, const Json& job) {
    const auto& wait = member_of(job, "wait");
    if (!wait.is_object()) return;
    auto text = text_of(wait, "reason");
    if (text == "no_workers") text = "no live worker serves this model (no_workers)";
    if (const auto until = number_of(wait, "until"); until > 0) {
        text += fmt::format(", until {}", time_text(until));
    }
    fields.add("waits", text);
}

void add_usage(Fields& fields, const Json& job) {
    const auto& usage = member_of(job, "usage");
    if (!usage.is_object() || !member_of(usage, "total_tokens").is_number()) return;
    const auto count = [&usage](const char* key) {
        const auto& value = member_of(usage, key);
        return value.is_number() ? std::to_string(number_of(usage, key)) : std::string("?");
    };
    fields.add("tokens", fmt::format("{} (prompt {}, completion {})", count("total_tokens"),
                                     count("prompt_tokens"), count("completion_tokens")));
}

void add_metadata(Fields& fields, const Json& job) {
    const auto& metadata = member_of(job, "metadata");
    if (!metadata.is_object()) return;
    std::string_view label = "metadata";
    for (const auto& [key, value] : metadata.items()) {
        fields.add(label, fmt::format("{}={}", key,
                                      value.is_string() ? value.get<std::string>() : value.dump()));
        label = "";
    }
}

std::string history_text(const Json& job) {
    const auto& attempts = member_of(job, "attempts");
    if (!attempts.is_array()) return "";
    Table table({{"ATTEMPT", 0},
                 {"WORKER", 4, 8},
                 {"WAITED", 5},
                 {"STARTED", 6},
                 {"RAN", 3},
                 {"OUTCOME", 0},
                 {"COUNTED AS", 2},
                 {"ERROR", 1, 20}});
    for (const auto& attempt : attempts) {
        const auto outcome = text_of(attempt, "outcome");
        table.add({std::to_string(number_of(attempt, "number")),
                   printable(text_of(attempt, "worker")),
                   duration_text(number_of(attempt, "waited_ms")),
                   time_text(number_of(attempt, "started_at")),
                   duration_text(number_of(attempt, "duration_ms")),
                   outcome.empty() ? "running" : outcome, text_of(attempt, "counted_as"),
                   printable(one_line(error_of(attempt, "error")))});
    }
    std::string text = "\n";
    for (const auto& line : table.lines(is_terminal() ? terminal_width() : 0)) text += line + "\n";
    return text;
}

// The text of one choice of a completion or chat; nothing if it contains more than a text.
const Json* text_of_choice(const Json& choice) {
    if (const auto& text = member_of(choice, "text"); text.is_string()) return &text;
    const auto& message = member_of(choice, "message");
    const auto& calls = member_of(message, "tool_calls");
    if (calls.is_array() && !calls.empty()) return nullptr;
    const auto& content = member_of(message, "content");
    return content.is_string() ? &content : nullptr;
}

const Json* only_text(const Json& output) {
    if (output.is_string()) return &output;
    const auto& choices = member_of(output, "choices");
    if (choices.is_array() && choices.size() == 1) return text_of_choice(choices[0]);
    const auto& text = member_of(output, "text");
    return output.is_object() && output.size() == 1 && text.is_string() ? &text : nullptr;
}

}  // namespace

const Json& member_of(const Json& object, const char* key) {
    static const Json null;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() ? *found : null;
}

bool flag_of(const Json& object, const char* key) {
    const auto& value = member_of(object, key);
    return value.is_boolean() && value.get<bool>();
}

std::string text_of(const Json& object, const char* key) {
    const auto& value = member_of(object, key);
    return value.is_string() ? value.get<std::string>() : "";
}

std::int64_t number_of(const Json& object, const char* key) {
    const auto& value = member_of(object, key);
    return value.is_number() ? value.get<std::int64_t>() : 0;
}

std::string error_of(const Json& object, const char* key) {
    const auto& error = member_of(object, key);
    if (!error.is_object()) return "";
    return fmt::format("{}: {}", text_of(error, "code"), text_of(error, "message"));
}

std::string output_text(std::string_view output_json) {
    const auto output = parse_json(output_json);
    const auto* text = only_text(output);
    return text != nullptr ? text->get<std::string>() : one_line(output_json);
}

std::string job_text(const Answer& answer) {
    const auto& job = answer.json;
    auto status = text_of(job, "status");
    Fields fields;
    fields.add("id", text_of(job, "id"));
    fields.add_line(fmt::format("{:<13}{}", "status", coloured(status_colour(status), status)));
    fields.add("model", text_of(job, "model"));
    fields.add("queue", text_of(job, "queue"));
    fields.add("priority", text_of(job, "priority"));
    add_attempts(fields, job);
    fields.add("worker", text_of(member_of(job, "worker"), "name"));
    add_times(fields, job);
    add_wait(fields, job);
    add_usage(fields, job);
    add_metadata(fields, job);
    fields.add("client id", text_of(job, "client_id"));
    fields.add("retry of", text_of(job, "retry_of"));
    fields.add("retried by", text_of(job, "retried_by"));
    fields.add("error", error_of(job, "error"));
    fields.add("last error", error_of(job, "last_error"));
    auto text = fields.take();
    const auto output = json_member(answer.text, "output");
    const auto partial = text_of(member_of(job, "partial_output"), "text");
    if (output != "null") {
        text += fmt::format("\n{}\n", for_output(output_text(output)));
    } else if (!partial.empty()) {
        text += fmt::format("\nso far:\n{}\n", for_output(partial));
    }
    return text + history_text(job);
}

bool note_if_nobody_serves(const Json& job) {
    if (text_of(member_of(job, "wait"), "reason") != "no_workers") return false;
    note(fmt::format("no live worker of queue {} serves the model {}: {} waits for one",
                     printable(text_of(job, "queue")), printable(text_of(job, "model")),
                     printable(text_of(job, "id"))));
    return true;
}

std::string ending_of(const Json& job) {
    auto status = text_of(job, "status");
    // The code of a job that was cancelled or expired is its status.
    auto error = error_of(job, "error");
    if (error.starts_with(status + ": ")) return error;
    if (!error.empty()) return fmt::format("{}: {}", status, error);
    const auto& timing = member_of(job, "timing");
    if (number_of(job, "started_at") == 0 || !member_of(timing, "execution_ms").is_number()) {
        return status;
    }
    return fmt::format("{} in {}", status, duration_text(number_of(timing, "execution_ms")));
}

int print_result(const Answer& job) {
    if (text_of(job.json, "status") != "completed") {
        note(fmt::format("{} {}", text_of(job.json, "id"), ending_of(job.json)));
        return kFailure;
    }
    auto text = for_output(output_text(json_member(job.text, "output")));
    if (!text.ends_with('\n')) text += '\n';
    return print_out(text) ? kOk : kFailure;
}

}  // namespace millrace::cli
