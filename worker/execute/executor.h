// Runs claimed jobs: starts their batches on free slots, stops attempts (cancel, deadline,
// interruption, preemption), and receives the backends' reports.
//
//   launch ─► ready ─► running ─► settling ─► release
//                │ a free slot │ finished  │ written or refused
//
// A job holds its place through all of these phases, so claiming stops by itself while the store is
// unreachable. If a claim returns a job that is already held, this worker lost the older attempt
// without notice: the older attempt is stopped, and its outcome is dropped.
//
// Its parts know neither threads nor backends: AttemptTable has the attempts, BatchScheduler the
// slots of one backend, CancelMailbox the cancels that came too early; Preemptor chooses who gives
// way. One lock guards them, because most changes concern several. What follows from a change
// (calls of backends, outcomes to Reports, log lines, callbacks) is done once the lock is released.
//
// Threads:   thread-safe. Backends, EndedAttempts and callbacks are called without a lock held.
// Owns:      the attempts. Borrows the rest, which must outlive it and the backends.
// Blocks:    start() and stop(); nothing else.
// Errors:    start()'s, of the first backend that does not start.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "worker/backends/backend.h"
#include "worker/execute/admission.h"
#include "worker/execute/attempt_table.h"
#include "worker/execute/batch_scheduler.h"
#include "worker/execute/cancel_mailbox.h"
#include "worker/execute/event_stream.h"
#include "worker/execute/lease.h"
#include "worker/execute/preemptor.h"
#include "worker/execute/reports.h"
#include "worker/schedule/candidate.h"

namespace millrace::execute {

struct ExecutorOptions {
    std::string worker_name;  // Shown in the `started` event.
    // Jobs held at a time; 0: as many as the backends take, with those claimed ahead.
    std::size_t slots_max = 0;
    schedule::BatchOptions batch;
    std::size_t output_bytes_max = 16 << 20;
    std::size_t cancels_kept_max = 1000;  // See CancelMailbox.
    int preemptions_max = 3;              // See Preemptor.
};

// The room for claims, by backend.
struct Load {
    std::vector<schedule::Room> backends;
    std::size_t free = 0;  // Jobs, for all backends together.
};

class Executor : public backends::ExecutionSink {
 public:
    Executor(std::vector<backends::Backend*> backends, std::size_t lanes, EndedAttempts& ended,
             OutputFeed& outputs, EventStream& events, const Lease& lease, const Clock& clock,
             ExecutorOptions options);

    // Starts the backends, which may load a model for minutes. Call first; stops at the first
    // error.
    Status start();
    // Stops the backends; attempts that still run end as interrupted. Idempotent.
    void stop();
    // Call after start(). As they were at the start, in the order given to the constructor.
    const std::vector<backends::BackendInfo>& backends() const { return infos_; }
    // The backends as they are now, if one has reported a change since the last call.
    std::optional<std::vector<backends::BackendInfo>> changes();

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
    // Whether it holds no attempt at all, not even one that is being stopped.
    bool is_empty() const;
    // Starts the jobs that `worker` claimed with a statement sent at `claimed_at`. If the lease has
    // lapsed meanwhile, gives them back instead.
    void launch(WorkerId worker, MonoTime claimed_at, std::vector<Start> starts);
    // While one exists, launch() does not start jobs on free slots, so that jobs claimed by several
    // statements can form one batch. One at a time.
    class [[nodiscard]] DeferredStarts {
     public:
        explicit DeferredStarts(Executor& executor);
        ~DeferredStarts();
        DeferredStarts(const DeferredStarts&) = delete;

     private:
        Executor& executor_;
    };

    // --- Stopping ---
    // True if it stopped an attempt. A cancel of an attempt that is not held is kept until the
    // second call of forget_cancels() from now.
    bool cancel(const AttemptKey& key);
    void forget_cancels();
    void interrupt_all();
    // Stops one running job of a preemptible backend for a more urgent one; see
    // Preemptor::choose(). False if there is none.
    bool preempt(schedule::BackendIndex backend, Priority urgent, const std::vector<bool>& from);
    // Stops attempts whose deadline has passed, and starts those that need not wait any longer for
    // a live lease or for other jobs.
    void tick();
    // When tick() is needed next. Ignores deadlines and leases, which are less urgent.
    MonoTime next_tick();

    // --- Settlements ---
    // The outcomes were written or refused: frees the places.
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
    using Stop = BatchScheduler::Stop;
    // Calls to make after the lock is released.
    struct Actions {
        std::vector<AttemptKey> replaced;
        std::vector<std::pair<backends::Backend*, Stop>> aborts;
        std::vector<EndedAttempt> ended;
    };

    void admit(Admission admission, Actions& actions) REQUIRES(mutex_);
    void replace(Attempt& older, Actions& actions) REQUIRES(mutex_);
    void stop_attempt(Attempt& attempt, backends::AbortReason reason, Actions& actions)
        REQUIRES(mutex_);
    void perform(Actions actions) EXCLUDES(mutex_);
    // The worker that claimed an attempt whose backend reports output, or how far it has come.
    // Nothing if the output is of no use.
    std::optional<WorkerId> reporting(const AttemptKey& key, std::optional<double> fraction = {})
        EXCLUDES(mutex_);

    // Starts the batches that are due: on one backend, and on all that are marked.
    void start_ready(schedule::BackendIndex backend) EXCLUDES(mutex_);
    void start_ready_on(const std::vector<bool>& backends) EXCLUDES(mutex_);
    std::optional<BatchScheduler::Batch> begin_batch(schedule::BackendIndex backend)
        EXCLUDES(mutex_);
    // Calls those who wait for the clock or for a place, if something has changed for them.
    void announce(schedule::BackendIndex backend) EXCLUDES(mutex_);

    const std::vector<backends::Backend*> backends_;
    EventStream& events_;
    const Lease& lease_;
    const Clock& clock_;
    const ExecutorOptions options_;
    Reports reports_;
    const Preemptor preemptor_;
    std::function<void()> on_free_;
    std::function<void()> on_earlier_tick_;
    std::atomic<bool> has_changed_ = false;
    // Fixed after start().
    std::vector<backends::BackendInfo> infos_;
    std::size_t slots_ = 0;
    std::size_t held_max_ = 0;

    mutable Mutex mutex_;
    AttemptTable attempts_ GUARDED_BY(mutex_);
    std::deque<BatchScheduler> schedulers_ GUARDED_BY(mutex_);  // By backend.
    CancelMailbox cancels_ GUARDED_BY(mutex_);
    // While starts are deferred: the backends that got jobs.
    std::optional<std::vector<bool>> deferred_ GUARDED_BY(mutex_);
    // As last returned or announced.
    MonoTime next_tick_ GUARDED_BY(mutex_) = MonoTime::max();
};

}  // namespace millrace::execute
