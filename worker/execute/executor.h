// Owns every attempt that this worker holds, from the claim until its outcome is written: starts
// batches, stops attempts (cancel, deadline, interruption), and receives the backends' reports.
//
//   launch ─► ready ─► running ─► settling ─► release
//                │ a free slot │ finished  │ written or refused
//
// A job holds its slot through all of these phases, so claiming stops by itself while the store is
// unreachable. If a claim returns a job that is already held, this worker lost the older attempt
// without notice: the older attempt is stopped, and its outcome is dropped.
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
    std::string worker_name;  // Shown in the `started` event.
    // Jobs held at a time; 0: as many as the backends take, with those claimed ahead.
    std::size_t slots_max = 0;
    BatchOptions batch;
    std::size_t output_bytes_max = 16 << 20;
    std::size_t cancels_kept_max = 1000;  // Orders about attempts that are not held (yet).
    // A job that was interrupted this often, for whatever reason, is not preempted. 0: none is.
    int preemptions_max = 3;
};

// What may be claimed now.
struct Load {
    std::vector<Room> backends;
    std::size_t free = 0;  // Jobs, for all backends together.
};

// A job that was just claimed.
struct Start {
    ClaimedJob job;
    BackendIndex backend = 0;
    LaneIndex lane = 0;
    // When its message arrived. Absent: it counts as arriving now, and the backend gives its batch
    // key.
    std::optional<MonoTime> arrived;
    std::string batch_key;
    Priority standing = Priority::kHigh;  // See Candidate.
};

class Executor : public ExecutionSink {
 public:
    Executor(std::vector<Backend*> backends, std::size_t lanes, EndedAttempts& ended,
             OutputFeed& outputs, EventStream& events, const Lease& lease, const Clock& clock,
             ExecutorOptions options);

    // Starts the backends, which may load a model for minutes. Call first; stops at the first
    // error.
    Status start();
    // Stops the backends; attempts that still run end as interrupted. Idempotent.
    void stop();
    // Call after start(). As they were at the start, in the order given to the constructor.
    std::vector<BackendInfo> backends() const;
    // The backends as they are now, if one has reported a change since the last call.
    std::optional<std::vector<BackendInfo>> changes();

    // Called after more can be claimed than before. Set it before anything is launched.
    void on_free(std::function<void()> callback) { on_free_ = std::move(callback); }
    // Called after next_tick() became earlier than it last returned. Set it before anything is
    // launched.
    void on_earlier_tick(std::function<void()> callback) { on_earlier_tick_ = std::move(callback); }

    // --- Claims ---
    // The maximum number of jobs that run at a time, and that are held. The latter include jobs
    // that were claimed ahead and those whose outcome is being written.
    std::size_t slots() const { return slots_; }
    std::size_t held_max() const { return held_max_; }
    Load load() const;
    // Thread-safe after start().
    std::string batch_key(BackendIndex backend, const JobSpec& spec) const;
    // Starts the jobs that `worker` claimed with a statement sent at `claimed_at`. If the lease has
    // lapsed meanwhile, gives them back instead.
    void launch(WorkerId worker, MonoTime claimed_at, std::vector<Start> starts);
    // While one exists, launch() does not start jobs on free slots, so that jobs claimed by several
    // statements can form one batch. One at a time.
    class [[nodiscard]] Gathering {
     public:
        explicit Gathering(Executor& executor);
        ~Gathering();
        Gathering(const Gathering&) = delete;

     private:
        Executor& executor_;
    };

    // --- Stopping ---
    // True if it stopped an attempt. An order about an attempt that is not held is remembered until
    // the second call of forget_cancels() from now.
    bool cancel(const AttemptKey& key);
    void forget_cancels();
    void interrupt_all();
    // Stops one running job of a preemptible backend for a more urgent one. The job must be in a
    // lane of `from` (one entry per lane), with a standing that gives way to `urgent`. Among these
    // it chooses the least urgent, then the one that started last and so has the least to lose,
    // skipping jobs that report being nearly done. False if there is none, or if a slot is already
    // being freed.
    bool preempt(BackendIndex backend, Priority urgent, const std::vector<bool>& from);
    // Stops attempts whose deadline has passed, and starts those that need not wait any longer for
    // a live lease or for other jobs.
    void tick();
    // When tick() is needed next. Ignores deadlines and leases, which are less urgent.
    MonoTime next_tick();

    // --- Settlements ---
    // The outcomes were written or refused: frees the slots.
    void release(std::span<const AttemptKey> keys);

    bool holds(const AttemptKey& key) const;
    // How many attempts the store should count as this worker's, apart from claims and settlements
    // under way.
    std::size_t held() const;

    // --- ExecutionSink ---
    void partial(const AttemptKey& key, std::string_view text) override;
    void progress(const AttemptKey& key, double fraction, std::string_view message) override;
    void finished(const AttemptKey& key, Outcome outcome) override;
    void changed() override { has_changed_ = true; }

 private:
    enum class Phase { kReady, kRunning, kSettling };
    struct Held {
        ClaimedJob job;  // Without its input; moved from when settling.
        WorkerId worker;
        BackendIndex backend = 0;
        LaneIndex lane = 0;
        MonoTime deadline;
        MonoTime started;
        Phase phase = Phase::kReady;
        std::size_t slot = 0;  // Its backend's slot, in phase kRunning.
        Priority standing = Priority::kHigh;
        double fraction = 0;  // The part that is done, as the backend reports it.
        bool stopping = false;
        bool replaced = false;  // Its outcome will be dropped.
    };
    using Stop = Station::Stop;
    // What to do after the lock is released.
    struct Actions {
        std::vector<std::pair<Backend*, Stop>> aborts;
        std::vector<EndedAttempt> ended;
    };

    void admit_locked(WorkerId worker, MonoTime claimed_at, Start start, std::size_t weight,
                      Actions& actions);
    void replace_locked(std::unordered_map<JobId, Held>::iterator older, Actions& actions);
    void stop_locked(const AttemptKey& key, Held& held, AbortReason reason, Actions& actions);
    Held* choose_victim_locked(BackendIndex backend, Priority urgent,
                               const std::vector<bool>& from);
    bool gives_way(const Held& held, Priority urgent) const;
    void free_locked(const Held& held) { stations_[held.backend].release(held.lane); }
    Held* find_locked(const AttemptKey& key);
    const Held* find_locked(const AttemptKey& key) const;
    void perform(Actions actions);
    // Starts the batches that are due.
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
    // Fixed after start().
    std::size_t slots_ = 0;
    std::size_t held_max_ = 0;

    mutable std::mutex mutex_;
    // Guarded by mutex_.
    std::deque<Station> stations_;  // Fixed after start(), as is what each says about its backend.
    std::optional<std::vector<bool>> gathered_;  // While gathering: the backends that got jobs.
    MonoTime next_tick_ = MonoTime::max();       // As last returned or announced.
    std::unordered_map<JobId, Held> held_;
    std::unordered_map<AttemptKey, Held, AttemptKeyHash> replaced_;
    MonoTime next_deadline_ = MonoTime::max();  // No deadline is earlier.
    std::vector<AttemptKey> cancels_;           // Unmatched orders since the last forget_cancels().
    std::vector<AttemptKey> cancels_before_;    // Unmatched orders between the last two calls.
};

}  // namespace millrace::worker
