// One child process and its supervision: it is started, awaited, given one batch at a time,
// watched, and replaced when it ends or must be ended.
//
//   down ─► starting ─► ready ─► ending ─► down
//    ▲ delay     └── did not come up ──┘     │
//    └───────────────────────────────────────┘
//
// When a process ends with several jobs in hand, each runs once more by itself, so that the one at
// fault is found and the others lose no attempt. A job that has shown text does not: its text would
// come twice. A batch that comes while the process is starting waits for it. If the process does
// not come up, or may not be started yet, the jobs go back as rate-limited, which costs them no
// attempt.
//
// Threads:   only the backend's own thread.
// Owns:      the process and its batch. Borrows options and sink, which must outlive it.
// Blocks:    never.
#pragma once

#include <poll.h>

#include <optional>
#include <string_view>
#include <vector>

#include "common/process/child_process.h"
#include "worker/backends/backend.h"
#include "worker/backends/process/channel.h"
#include "worker/backends/process/message.h"
#include "worker/backends/process/output_log.h"
#include "worker/backends/process/process_backend.h"

namespace millrace::backends::process {

class Slot {
 public:
    Slot(std::size_t index, const ProcessOptions& options, ExecutionSink& sink);

    // Does what is due by `now`: starts, gives up waiting, kills, checks the memory.
    void tick(MonoTime now);
    // When to call tick() next.
    MonoTime next_tick() const;
    // Adds the entries to poll for, at most two.
    void watch(std::vector<pollfd>& watched) const;
    // Handles what poll() reported for an entry that watch() added.
    void handle(const pollfd& event, MonoTime now);

    bool is_ready() const { return state_ == State::kReady; }
    bool has_batch() const { return !items_.empty(); }
    // Requires: !has_batch().
    void give(std::vector<Execution> batch, MonoTime now);
    // False if the attempt is not here.
    bool abort(const AttemptKey& key, AbortReason reason, MonoTime now);

    // Ends the process for good; running jobs are interrupted.
    void stop(MonoTime now);
    bool stopped() const { return stopping_ && state_ == State::kDown; }

    // The process's message when it was ready for the first time.
    const std::optional<ReadyMessage>& ready() const { return ready_; }
    // Why the process did not come up when it was last started.
    const std::optional<Error>& start_error() const { return start_error_; }

 private:
    enum class State { kDown, kStarting, kReady, kEnding };
    struct Item {
        ItemId id;
        Execution execution;
        bool sent = false;                     // The process has it.
        bool shown = false;                    // Some of its text was passed on.
        std::optional<AbortReason> stop;       // It was asked to end, for this reason.
        MonoTime grace_end = MonoTime::max();  // The end of its grace, if it was asked.
    };
    using Items = std::vector<Item>;

    void launch(MonoTime now);
    Status try_launch(MonoTime now);
    void send_items(MonoTime now);
    void tick_items(MonoTime now);
    void tick_memory(MonoTime now);

    void receive(MonoTime now);
    Status take(const Frame& frame, MonoTime now);
    Status take_ready(ReadyMessage ready, MonoTime now);
    void take_end(EndMessage end, MonoTime now);
    void end_of_batch(MonoTime now);

    void stop_item(Items::iterator item, AbortReason reason, MonoTime now);
    Items::iterator find(ItemId id);
    Items::iterator finish(Items::iterator item, Outcome outcome);

    void kill(Outcome why);
    void let_end(MonoTime now);
    void conclude(MonoTime now);
    void settle_sent(const Outcome& why);
    void go_down(MonoTime now, const std::string& how);
    void give_back(MonoTime now);

    const std::size_t index_;
    const ProcessOptions& options_;
    ExecutionSink& sink_;
    OutputLog log_;

    State state_ = State::kDown;
    bool stopping_ = false;
    MonoTime due_;  // When the present state has lasted long enough; max: never.
    MonoTime memory_due_ = MonoTime::max();
    std::optional<Channel> channel_;
    std::optional<millrace::process::ChildProcess> child_;
    std::optional<Outcome> why_;  // If it was killed: the outcome for its batch.
    bool came_up_ = false;        // This process has reported that it is ready.

    Items items_;  // The batch.
    ItemId last_id_ = 0;
    bool alone_ = false;        // Jobs run one by one, because together they ended a process.
    bool some_done_ = false;    // A job of the batch has completed.
    bool some_failed_ = false;  // A job failed in a way that may be the process's fault.
    int failed_batches_ = 0;    // In a row.
    int ends_ = 0;              // Ends of processes since one completed a job.

    std::optional<ReadyMessage> ready_;
    std::optional<Error> start_error_;
};

}  // namespace millrace::backends::process
