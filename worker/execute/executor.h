// Owns every attempt that this worker holds, from the claim until its outcome is written: starts
// batches, stops attempts (cancel, deadline, interruption), and takes what the backends report.
//
//   launch ─► ready ─► running ─► settling ─► release
//                │ a free slot │ finished  │ written or refused
//
// A job holds its slot through all of it; so claiming stops by itself while the store is away. If a
// claim returns a job that is held already, the older attempt was lost to this worker without its
// knowing: it is stopped, and its outcome is dropped.
//
// Threads:   thread-safe. Backends, inboxes and callbacks are called without a lock held.
// Owns:      the attempts. Borrows the rest, which must outlive it and the backends.
// Blocks:    start() and stop(); nothing else.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "worker/backends/backend.h"
#include "worker/execute/ended_attempts.h"
#include "worker/execute/event_stream.h"
#include "worker/execute/lease.h"
#include "worker/execute/output_feed.h"
#include "worker/execute/station.h"
#include "worker/schedule/candidate.h"

namespace millrace::worker {

struct ExecutorOptions {
    std::string worker_name;    // For readers of the `started` event.
    std::size_t slots_max = 0;  // Jobs held at a time; 0: what the backends take, and those ahead.
    BatchOptions batch;
    std::size_t output_bytes_max = 16 << 20;
    std::size_t cancels_kept_max = 1000;  // Orders about attempts that are not held (yet).
    // A job that was interrupted so often, for whatever reason, gives way to no other. 0: none
    // does.
    int preemptions_max = 3;
};

// What may be claimed now.
struct Load {
    std::vector<Room> backends;
    std::size_t free = 0;  // Jobs, of all backends together.
};

// A job that was just claimed.
struct Start {
    ClaimedJob job;
    BackendIndex backend = 0;
    LaneIndex lane = 0;
    // Absent: now, and to be asked of the backend.
    std::optional<MonoTime> arrived;
    std::string batch_key;
    Priority standing = Priority::kHigh;  // See Candidate.
};

class Executor : public ExecutionSink {
 public:
    Executor(std::vector<Backend*> backends, std::size_t lanes, EndedAttempts& ended,
             OutputFeed& outputs, EventStream& events, const Lease& lease, const Clock& clock,
             ExecutorOptions options);

    // Starts the backends, which may load a model for minutes. Call first; the first error ends it.
    Status start();
    // Stops the backends: what still runs ends as interrupted. Idempotent.
    void stop();
    // After start(), in the order of the constructor's: as they were then.
    std::vector<BackendInfo> backends() const;
    // As they are now, where one of them has said since this was last asked that it has changed.
    std::optional<std::vector<BackendInfo>> changes();

    // Called after there is more to claim for than before. Set before anything is launched.
    void on_free(std::function<void()> callback) { on_free_ = std::move(callback); }
    // Called after next_tick() became earlier than it last said. Set before anything is launched.
    void on_earlier_tick(std::function<void()> callback) { on_earlier_tick_ = std::move(callback); }

    // --- Claims ---
    // Jobs that run at a time at most, and that are held: those that were claimed ahead and those
    // whose outcome is being written too.
    std::size_t slots() const { return slots_; }
    std::size_t held_max() const { return held_max_; }
    Load load() const;
    // Thread-safe from start() on.
    std::string batch_key(BackendIndex backend, const JobSpec& spec) const;
    // Starts what was claimed by `worker` with a statement sent at `claimed_at`; where its lease
    // has lapsed meanwhile, gives it back instead.
    void launch(WorkerId worker, MonoTime claimed_at, std::vector<Start> starts);
    // While this is there, launch() starts nothing on slots that are free: jobs that are claimed by
    // several statements make one batch. One at a time.
    class [[nodiscard]] Gathering {
     public:
        explicit Gathering(Executor& executor);
        ~Gathering();
        Gathering(const Gathering&) = delete;

     private:
        Executor& executor_;
    };

    // --- Stopping ---
    // True when it stopped an attempt. One that is not held is remembered until the second
    // forget_cancels() from now.
    bool cancel(const AttemptKey& key);
    void forget_cancels();
    void interrupt_all();
    // Stops one running job of a preemptible backend for a more urgent one: in a lane out of
    // `from` (one entry per lane), with a standing that gives way to `urgent`. Of these the least
    // urgent, and of those the one that started last and has the least to lose; none that says of
    // itself that it is nearly done. False where there is none, or where a slot is being freed
    // already.
    bool preempt(BackendIndex backend, Priority urgent, const std::vector<bool>& from);
    // Stops attempts whose deadline has passed, and starts those whose wait for a live lease or for
    // others is over.
    void tick();
    // When tick() is needed, apart from deadlines and leases, which are not that urgent.
    MonoTime next_tick();

    // --- Settlements ---
    // The outcomes were written or refused: their slots are free.
    void release(std::span<const AttemptKey> keys);

    bool holds(const AttemptKey& key) const;
    // Attempts that the store should count as this worker's, but for claims and settlements that
    // are on their way.
    std::size_t held() const;

    // --- ExecutionSink ---
    void partial(const AttemptKey& key, std::string_view text) override;
    void progress(const AttemptKey& key, double fraction, std::string_view message) override;
    void finished(const AttemptKey& key, Outcome outcome) override;
    void changed() override { has_changed_ = true; }

 private:
    enum class Phase { kReady, kRunning, kSettling };
    struct Held {
        ClaimedJob job;  // Without its input; moved away when settling.
        WorkerId worker;
        BackendIndex backend = 0;
        LaneIndex lane = 0;
        MonoTime deadline;
        MonoTime started;
        Phase phase = Phase::kReady;
        std::size_t slot = 0;  // kRunning: of its backend.
        Priority standing = Priority::kHigh;
        double fraction = 0;  // What the backend says is done.
        bool stopping = false;
        bool replaced = false;  // Nobody waits for its outcome.
    };
    using Stop = Station::Stop;
    // What is to be done once the lock is gone.
    struct Actions {
        std::vector<std::pair<Backend*, Stop>> aborts;
        std::vector<EndedAttempt> ended;
    };

    void admit_locked(WorkerId worker, MonoTime claimed_at, Start start, Actions& actions);
    void replace_locked(std::unordered_map<JobId, Held>::iterator older, Actions& actions);
    void stop_locked(const AttemptKey& key, Held& held, AbortReason reason, Actions& actions);
    Held* choose_victim_locked(BackendIndex backend, Priority urgent,
                               const std::vector<bool>& from);
    bool gives_way(const Held& held, Priority urgent) const;
    void free_locked(const Held& held) { stations_[held.backend].release(held.lane); }
    Held* find_locked(const AttemptKey& key);
    const Held* find_locked(const AttemptKey& key) const;
    void perform(Actions actions);
    // Starts the batches whose time it is.
    void start_ready(BackendIndex backend);
    void start_ready_of(const std::vector<bool>& touched);  // By backend.
    void mark_running_locked(const Station::Batch& batch, MonoTime now);
    void announce(BackendIndex backend);
    void stop_overdue();
    void end(const AttemptKey& key, EndedAttempt attempt);
    Outcome within_limits(Outcome outcome) const;

    const std::vector<Backend*> backends_;
    const std::size_t lanes_;
    EndedAttempts& ended_;
    OutputFeed& outputs_;
    EventStream& events_;
    const Lease& lease_;
    const Clock& clock_;
    const ExecutorOptions options_;
    std::function<void()> on_free_;
    std::function<void()> on_earlier_tick_;
    std::atomic<bool> has_changed_ = false;
    // Fixed once started.
    std::size_t slots_ = 0;
    std::size_t held_max_ = 0;

    mutable std::mutex mutex_;
    // Guarded by mutex_.
    std::deque<Station> stations_;  // Fixed once started, as is what each says of its backend.
    std::optional<std::vector<bool>> gathered_;  // While gathering: who got jobs, by backend.
    MonoTime next_tick_ = MonoTime::max();       // As it was last told.
    std::unordered_map<JobId, Held> held_;
    std::unordered_map<AttemptKey, Held, AttemptKeyHash> replaced_;
    MonoTime next_deadline_ = MonoTime::max();  // None is earlier.
    std::vector<AttemptKey> cancels_;           // Not placed, since the last forget_cancels().
    std::vector<AttemptKey> cancels_before_;    // Not placed, since the one before.
};

}  // namespace millrace::worker
