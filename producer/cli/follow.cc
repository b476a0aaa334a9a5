#include "producer/cli/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "producer/cli/commands.h"
#include "producer/cli/exit_code.h"
#include "producer/cli/interrupt.h"
#include "producer/cli/json_text.h"
#include "producer/cli/show.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {

void Follower::begin_stream() {
    at_ = 0;
    has_gap_ = false;
}

bool Follower::take(const http::ServerEvent& event) {
    const auto data = parse_json(event.data);
    if (!data.is_object()) return true;
    auto type = text_of(data, "type");
    if (type.empty()) type = event.type;
    if (!type.starts_with("job.")) return true;
    const auto name = type.substr(4);
    if (name == "output.delta") {
        take_delta(text_of(data, "delta"));
    } else if (name == "progress") {
        take_progress(data);
    } else if (name == "started") {
        start_attempt(data);
    } else if (name == "retrying") {
        is_void_ = true;
        std::string line = "retrying";
        if (const auto why = error_of(data, "error"); !why.empty()) line += ": " + one_line(why);
        if (has_text_above()) line += "; ignore the text above";
        show_event(line);
    } else if (is_final(name)) {
        final_ = name;
        const Answer job{std::string(json_member(event.data, "job")), member_of(data, "job")};
        lacks_job_ = !job.json.is_object();
        if (!lacks_job_) conclude(job);
        return false;
    } else if (name == "queued" && !std::exchange(is_queued_said_, true)) {
        show_event("queued");
    }
    return true;
}

void Follower::start_attempt(const Json& event) {
    const auto epoch = number_of(event, "epoch");
    if (epoch == epoch_ && !is_void_) return;  // A new connection repeats this attempt.
    if (!shown_.empty() && !is_void_) {
        show_event(has_text_above() ? "the job runs again: ignore the text above"
                                    : "the job runs again");
    }
    epoch_ = epoch;
    shown_.clear();
    at_ = 0;
    has_gap_ = false;
    is_void_ = false;
    const auto worker = text_of(event, "worker");
    show_event(worker.empty() ? "started" : fmt::format("started on {}", worker));
}

void Follower::take_delta(std::string_view delta) {
    if (has_gap_) return;
    const auto again = std::min(shown_.size() - at_, delta.size());
    if (std::string_view(shown_).substr(at_, again) != delta.substr(0, again)) {
        has_gap_ = true;
        return;
    }
    at_ += again;
    delta.remove_prefix(again);
    if (delta.empty()) return;
    shown_ += delta;
    at_ = shown_.size();
    if (!sinks_.holds_text) show_text(delta);
}

void Follower::take_progress(const Json& event) {
    const auto& progress = member_of(event, "progress");
    const auto& value = member_of(progress, "fraction");
    const auto fraction = value.is_number() ? value.get<double>() : 0.0;
    auto line = fmt::format("progress {:.0f} %", 100 * fraction);
    if (const auto message = text_of(progress, "message"); !message.empty()) line += " " + message;
    if (in_line_ && sinks_.text_and_events_meet) {
        held_progress_ = std::move(line);
        return;
    }
    show_event(line);
}

void Follower::conclude(const Answer& job) {
    held_progress_.clear();
    if (text_of(job.json, "status") == "completed") {
        complete_text(output_text(json_member(job.text, "output")));
    } else if (sinks_.holds_text && !is_void_) {
        show_text(shown_);
    }
    if (in_line_) sinks_.text("\n");
    in_line_ = false;
    show_event(ending_of(job.json));
}

// Prints the missing part of the output, which is complete even if events were lost.
void Follower::complete_text(std::string_view whole) {
    if (is_void_ || sinks_.holds_text) shown_.clear();
    if (whole.starts_with(shown_)) return show_text(whole.substr(shown_.size()));
    show_event("the text above is incomplete; the whole output follows");
    show_text(whole);
}

void Follower::show_text(std::string_view text) {
    if (text.empty()) return;
    sinks_.text(text);
    in_line_ = !text.ends_with('\n');
    if (!in_line_ && !held_progress_.empty()) show_event(std::exchange(held_progress_, ""));
}

void Follower::show_event(const std::string& line) {
    if (line == last_event_) return;
    if (in_line_ && sinks_.text_and_events_meet) {
        sinks_.text("\n");
        in_line_ = false;
    }
    last_event_ = line;
    sinks_.event(line);
}

namespace {

// Opens one stream after another until the job is final.
Status follow_streams(ApiClient& api, const std::string& id, const std::function<void()>& begin,
                      const std::function<bool(const http::ServerEvent&)>& take) {
    bool is_over = false;
    while (true) {
        begin();
        bool has_events = false;
        const auto status = api.events(id, [&](const http::ServerEvent& event) {
            has_events = true;
            is_over = !take(event);
            return !is_over;
        });
        if (is_over) return ok();
        const Error why = status.has_value()
                              ? Error{ErrorCode::kUnavailable, "the event stream ended early"}
                              : status.error();
        if (why.code != ErrorCode::kUnavailable || !api.wait_for_gateway()) return why;
    }
}

}  // namespace

int run_tail(const GlobalOptions& global, const std::string& id) {
    ApiClient api(global.url);
    const InterruptNote note_of_interrupt(interrupt_text(id, 1));
    const auto before = api.job(id, "output");
    if (!before.has_value()) return fail(before.error());
    note_if_nobody_serves(before->json);
    std::string final_status;
    bool is_written = true;
    const auto out = [&is_written](std::string_view text) {
        is_written = print_out(text) && is_written;
    };
    Follower follower({.text = [&out](std::string_view text) { out(for_output(text)); },
                       .event =
                           [](std::string_view line) {
                               const auto name = line.substr(0, line.find_first_of(" :;"));
                               print_event(name, line.substr(name.size()));
                           },
                       .text_and_events_meet = is_terminal() && is_terminal_error(),
                       .holds_text = !is_terminal()});
    const auto status = follow_streams(
        api, id, [&] { follower.begin_stream(); },
        [&](const http::ServerEvent& event) {
            if (!global.json) return follower.take(event) && is_written;
            out(one_line(event.data) + "\n");
            const auto data = parse_json(event.data);
            const auto type = text_of(data, "type");
            if (type.starts_with("job.") && is_final(type.substr(4))) final_status = type.substr(4);
            return final_status.empty() && is_written;
        });
    if (!status.has_value()) return fail(status.error());
    if (follower.lacks_job()) {
        const auto job = api.job(id, "output");
        if (!job.has_value()) return fail(job.error());
        follower.conclude(*job);
    }
    if (!is_written) return kFailure;
    if (!global.json) final_status = follower.final_status();
    return final_status == "completed" ? kOk : kFailure;
}

}  // namespace millrace::cli
