#include "worker/backends/process/slot.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/telemetry/telemetry.h"
#include "worker/backends/outcomes.h"
#include "worker/backends/process/environment.h"
#include "worker/backends/process/failures.h"

namespace millrace::backends::process {
namespace {

// Room in a frame for everything besides an output.
constexpr std::size_t kFrameMarginBytes = 64 * 1024;
constexpr milliseconds kMemoryInterval{200};
// The end of a process by a batch, and then by the job at fault alone, delays nothing. After
// further ends in a row the next start waits for kRestartDelayBase, then twice as long each time.
constexpr int kFreeRestarts = 2;
constexpr milliseconds kRestartDelayBase{250};

milliseconds restart_delay(int ends, milliseconds max) {
    if (ends <= kFreeRestarts) return milliseconds(0);
    auto delay = kRestartDelayBase;
    for (int i = kFreeRestarts + 1; i < ends && delay < max; ++i) delay *= 2;
    return std::min(delay, max);
}

}  // namespace

Slot::Slot(std::size_t index, const ProcessOptions& options, ExecutionSink& sink)
    : index_(index), options_(options), sink_(sink), log_(index) {}

// --- The process --------------------------------------------------------------------------------

void Slot::launch(MonoTime now) {
    came_up_ = false;
    why_.reset();
    log_.begin();
    if (const auto launched = try_launch(now); !launched.has_value()) {
        start_error_ = launched.error();
        go_down(now, launched.error().message);
    }
}

Status Slot::try_launch(MonoTime now) {
    TRY(auto sockets, millrace::process::make_socket_pair());
    auto& [ours, theirs] = sockets;
    const auto device = device_of(options_, index_);
    TRY(auto child,
        millrace::process::ChildProcess::start(
            {.argv = options_.command,
             .env = environment_of(options_, index_),
             .inherit_env = false,
             .processors = device.processors,
             .on_line = [this](std::string_view line) { log_.add(line, system_clock().now()); },
             .channel = theirs.get(),
             .death_signal = SIGKILL}));
    log_info("started a process",
             {{"slot", index_}, {"pid", child.pid()}, {"device", device.text}});
    child_.emplace(std::move(child));
    channel_.emplace(std::move(ours), options_.output_bytes_max + kFrameMarginBytes);
    channel_->send(hello_message({.slot = index_,
                                  .device = device.text,
                                  .output_bytes_max = options_.output_bytes_max,
                                  .grace = options_.grace}));
    state_ = State::kStarting;
    due_ = now + options_.start_timeout;
    memory_due_ = options_.memory_bytes_max > 0 ? now : MonoTime::max();
    return ok();
}

void Slot::kill(Outcome why) {
    log_warning("killed a process", {{"slot", index_}, {"reason", why.error_message}});
    why_ = std::move(why);
    child_->send_to_group(SIGKILL);
    channel_.reset();
    state_ = State::kEnding;
    due_ = MonoTime::max();
}

// The process ends by itself once nothing more can come.
void Slot::let_end(MonoTime now) {
    if (channel_) channel_->close_sending();
    state_ = State::kEnding;
    due_ = now + options_.grace;
}

void Slot::conclude(MonoTime now) {
    // Its own child processes end with it; nothing else would end them.
    child_->send_to_group(SIGKILL);
    if (channel_) receive(now);  // Its last messages: as much as a socket holds.
    const auto status = child_->wait(milliseconds(0));
    CHECK(status);
    settle_sent(why_ ? *why_ : process_died(*status));
    if (!came_up_ && !stopping_) {
        start_error_ = Error{ErrorCode::kUnavailable,
                             fmt::format("{} did not start: {}. Its last lines: {}",
                                         fmt::join(options_.command, " "),
                                         why_ ? why_->error_message : status->str(), log_.tail())};
    }
    go_down(now, status->str());
}

// If a job was alone with the process, it was at fault. The jobs of a larger batch run once more,
// one by one, unless they have shown text, which would come twice.
void Slot::settle_sent(const Outcome& why) {
    const auto count =
        std::count_if(items_.begin(), items_.end(), [](const Item& item) { return item.sent; });
    if (count > 1) alone_ = true;
    for (auto item = items_.begin(); item != items_.end();) {
        if (!item->sent) {
            ++item;
        } else if (item->stop) {
            item = finish(item, aborted_outcome(*item->stop));
        } else if (count == 1 || item->shown || stopping_) {
            item = finish(item, why);
        } else {
            item++->sent = false;
        }
    }
}

void Slot::go_down(MonoTime now, const std::string& how) {
    channel_.reset();
    child_.reset();
    memory_due_ = MonoTime::max();
    state_ = State::kDown;
    if (stopping_) {
        due_ = MonoTime::max();
        return;
    }
    const auto delay = restart_delay(++ends_, options_.restart_delay_max);
    due_ = now + delay;
    log_warning("a process ended",
                {{"slot", index_}, {"how", how}, {"restarts_in_ms", delay.count()}});
    telemetry::count<telemetry::Metric::kProcessRestarts>(1);
    if (!came_up_ || delay > milliseconds(0)) give_back(now);
}

// Another worker will run the batch, or this one when the process is up.
void Slot::give_back(MonoTime now) {
    const auto left = std::chrono::ceil<milliseconds>(std::max(due_, now) - now);
    for (auto item = items_.begin(); item != items_.end();) {
        item = finish(item, process_unavailable(left));
    }
}

// --- The batch ----------------------------------------------------------------------------------

void Slot::give(std::vector<Execution> batch, MonoTime now) {
    CHECK(items_.empty() && !stopping_);
    alone_ = some_done_ = some_failed_ = false;
    for (auto& execution : batch) {
        items_.push_back({.id = ++last_id_, .execution = std::move(execution)});
    }
    if (state_ == State::kReady) send_items(now);
    if (state_ == State::kDown && due_ > now) give_back(now);
}

void Slot::send_items(MonoTime now) {
    std::vector<ItemId> ids;
    for (auto& item : items_) {
        channel_->send(item_message(item.id, item.execution, now));
        item.sent = true;
        ids.push_back(item.id);
        if (alone_) break;
    }
    channel_->send(run_message(ids));
}

bool Slot::abort(const AttemptKey& key, AbortReason reason, MonoTime now) {
    const auto item = std::find_if(items_.begin(), items_.end(), [&](const Item& candidate) {
        return candidate.execution.job.key == key;
    });
    if (item == items_.end()) return false;
    stop_item(item, reason, now);
    return true;
}

void Slot::stop_item(Items::iterator item, AbortReason reason, MonoTime now) {
    if (!item->sent) {
        finish(item, aborted_outcome(reason));
        return;
    }
    if (item->stop) return;
    item->stop = reason;
    item->grace_end = now + options_.grace;
    if (state_ == State::kReady) channel_->send(cancel_message(item->id, reason));
}

Slot::Items::iterator Slot::find(ItemId id) {
    return std::find_if(items_.begin(), items_.end(),
                        [&](const Item& item) { return item.id == id && item.sent; });
}

Slot::Items::iterator Slot::finish(Items::iterator item, Outcome outcome) {
    const auto key = item->execution.job.key;
    const auto next = items_.erase(item);
    sink_.finished(key, std::move(outcome));
    return next;
}

void Slot::stop(MonoTime now) {
    if (stopping_) return;
    stopping_ = true;
    for (auto item = items_.begin(); item != items_.end();) {
        if (item->sent) {
            if (!item->stop) item->stop = AbortReason::kInterrupted;
            ++item;
        } else {
            item = finish(item, aborted_outcome(AbortReason::kInterrupted));
        }
    }
    if (state_ == State::kReady) let_end(now);
    // A process that is still loading does not read its channel.
    if (state_ == State::kStarting) {
        kill(failed_outcome(OutcomeKind::kInterrupted, "interrupted", "the worker is stopping"));
    }
    if (state_ == State::kDown) due_ = MonoTime::max();
}

// --- Messages from the process -----------------------------------------------------------------

void Slot::watch(std::vector<pollfd>& watched) const {
    if (channel_) watched.push_back({channel_->fd(), channel_->events(), 0});
    if (child_) watched.push_back({child_->end_fd(), POLLIN, 0});
}

void Slot::handle(const pollfd& event, MonoTime now) {
    if (event.revents == 0) return;
    if (channel_ && event.fd == channel_->fd()) {
        if ((event.revents & POLLOUT) != 0) channel_->flush();
        if ((event.revents & ~POLLOUT) != 0) receive(now);
    } else if (child_ && event.fd == child_->end_fd()) {
        conclude(now);
    }
}

void Slot::receive(MonoTime now) {
    const auto received = channel_->receive([&](const Frame& frame) { return take(frame, now); });
    if (received.has_value()) return;
    if (received.error().code == ErrorCode::kDataCorrupt) {
        kill(invalid_message(received.error().message));
        return;
    }
    // The process is probably about to end, and how it ends says more than that its channel closed.
    channel_.reset();
    if (state_ != State::kEnding) let_end(now);
}

Status Slot::take(const Frame& frame, MonoTime now) {
    TRY(auto message, parse_message(frame));
    if (auto* ready = std::get_if<ReadyMessage>(&message)) {
        return take_ready(std::move(*ready), now);
    }
    if (!came_up_) return Error{ErrorCode::kDataCorrupt, "a message before \"ready\""};
    if (auto* end = std::get_if<EndMessage>(&message)) {
        take_end(std::move(*end), now);
    } else if (const auto* partial = std::get_if<PartialMessage>(&message)) {
        const auto item = find(partial->item);
        if (item == items_.end()) return ok();
        item->shown = true;
        sink_.partial(item->execution.job.key, partial->text);
    } else if (const auto* progress = std::get_if<ProgressMessage>(&message)) {
        const auto item = find(progress->item);
        if (item != items_.end()) {
            sink_.progress(item->execution.job.key, progress->fraction, progress->message);
        }
    }
    return ok();
}

Status Slot::take_ready(ReadyMessage ready, MonoTime now) {
    if (came_up_) return Error{ErrorCode::kDataCorrupt, "\"ready\" for the second time"};
    came_up_ = true;
    if (!ready_) ready_ = std::move(ready);
    if (state_ != State::kStarting) return ok();
    state_ = State::kReady;
    due_ = MonoTime::max();
    log_info("a process is ready", {{"slot", index_}, {"pid", child_->pid()}});
    if (!items_.empty()) send_items(now);
    return ok();
}

void Slot::take_end(EndMessage end, MonoTime now) {
    const auto item = find(end.item);
    if (item == items_.end()) return;  // Given up meanwhile.
    auto& outcome = end.outcome;
    if (outcome.kind == OutcomeKind::kCompleted) {
        some_done_ = true;
        ends_ = 0;
    } else if (item->stop) {
        outcome = aborted_outcome(*item->stop);
    } else if (outcome.kind == OutcomeKind::kCancelled) {
        outcome = failed_outcome(OutcomeKind::kRetryable, "process_failure",
                                 "the process gave up an item that nobody had cancelled");
    }
    some_failed_ |= outcome.kind == OutcomeKind::kRetryable;
    finish(item, std::move(outcome));
    if (items_.empty()) return end_of_batch(now);
    if (alone_ && state_ == State::kReady) send_items(now);
}

// A process may be up and yet useless; the results of its jobs show that.
void Slot::end_of_batch(MonoTime now) {
    if (some_done_) failed_batches_ = 0;
    if (some_done_ || !some_failed_) return;
    ++failed_batches_;
    if (state_ != State::kReady || options_.failures_max == 0) return;
    if (failed_batches_ < options_.failures_max) return;
    log_warning("replacing a process whose batches all failed",
                {{"slot", index_}, {"batches", failed_batches_}});
    failed_batches_ = 0;
    let_end(now);
}

// --- Time ---------------------------------------------------------------------------------------

void Slot::tick(MonoTime now) {
    tick_items(now);
    tick_memory(now);
    if (now < due_) return;
    switch (state_) {
        case State::kDown:
            if (!stopping_) launch(now);
            break;
        case State::kStarting:
            kill(process_not_ready(options_.start_timeout));
            break;
        case State::kReady:
            break;
        case State::kEnding:
            kill(channel_ || stopping_ ? process_hung(options_.grace)
                                       : invalid_message("the end of its channel, and went on"));
            break;
    }
}

void Slot::tick_items(MonoTime now) {
    for (std::size_t i = items_.size(); i-- > 0;) {
        const auto item = items_.begin() + static_cast<std::ptrdiff_t>(i);
        if (item->execution.deadline <= now) stop_item(item, AbortReason::kDeadline, now);
    }
    const auto is_over = [&](const Item& item) { return item.grace_end <= now; };
    const auto is_done_with = [&](const Item& item) { return !item.sent || is_over(item); };
    if (state_ != State::kReady || std::none_of(items_.begin(), items_.end(), is_over)) return;
    if (std::all_of(items_.begin(), items_.end(), is_done_with)) {
        kill(process_hung(options_.grace));
        return;
    }
    // Other jobs are still wanted: later messages about these are dropped.
    for (auto item = items_.begin(); item != items_.end();) {
        item = is_over(*item) ? finish(item, aborted_outcome(*item->stop)) : item + 1;
    }
}

void Slot::tick_memory(MonoTime now) {
    if (now < memory_due_) return;
    memory_due_ = now + kMemoryInterval;
    if (state_ != State::kStarting && state_ != State::kReady) return;
    const auto bytes = memory_bytes_of(child_->pid()).value_or(0);
    if (bytes > options_.memory_bytes_max) {
        kill(process_too_large(bytes, options_.memory_bytes_max));
    }
}

MonoTime Slot::next_tick() const {
    auto next = std::min(due_, memory_due_);
    for (const auto& item : items_) {
        // The jobs of an ending process are over when it has ended.
        if (item.sent && state_ != State::kReady) continue;
        next = std::min(next, item.stop ? item.grace_end : item.execution.deadline);
    }
    return next;
}

}  // namespace millrace::backends::process
