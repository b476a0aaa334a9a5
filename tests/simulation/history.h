// Reports what happens in a simulated world to checkers, as it happens. Each checker knows one
// invariant. The first violation ends the world.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/world.h"
#include "tests/support/memory_job_store.h"

namespace millrace::simulation {

// The call that changed a job.
enum class Cause { kInsert, kCancel, kClaim, kSettle, kRelease, kExpire, kOverdue, kRescue };

struct Change {
    const storage::JobRecord* before;  // Null: it is new.
    const storage::JobRecord& after;
    Cause cause;
};

// An attempt that a model began.
struct StartedAttempt {
    AttemptKey key;
    std::optional<WorkerId> worker;  // Its lease is alive, as the process believes.
};

// The answer that a client got to one submission.
struct Answer {
    enum class Kind { kAccepted, kRefused, kInDoubt };
    int submission = 0;
    bool has_key = false;
    Kind kind = Kind::kRefused;
    std::optional<JobId> job;  // kAccepted.
};

// A view of a worker's process, taken a few times a second.
struct WorkerGlance {
    int process = 0;        // Each process has a number of its own.
    WorkerId worker;        // Its incarnation.
    bool is_ready = false;  // It could claim, and nothing has disturbed it since the last glance.
    std::size_t slots = 0;
    std::size_t free = 0;
    std::size_t held = 0;
    std::size_t lane_buffer_max = 0;
    std::vector<std::size_t> lanes;  // Jobs that it knows of.
    std::vector<std::string> models;
};

class History;

class Checker {
 public:
    explicit Checker(History& history) : history_(history) {}
    virtual ~Checker() = default;

    virtual void changed(const Change&) {}
    virtual void claimed(WorkerId, const Claim&) {}
    virtual void settled(WorkerId, const storage::SettledAttempt&, const storage::SettledReply&) {}
    virtual void started(const StartedAttempt&) {}
    virtual void heard_of(WorkerId) {}  // Registered, or renewed its lease.
    virtual void marked_lost(WorkerId) {}
    virtual void stopped(WorkerId) {}
    virtual void store_was_away(microseconds) {}
    virtual void clock_stepped() {}
    virtual void power_failed(const std::set<WorkerId>&) {}
    virtual void answered(const Answer&) {}
    virtual void looked(const std::vector<WorkerGlance>&) {}
    virtual void came_to_rest() {}

 protected:
    History& history() { return history_; }

 private:
    History& history_;
};

class History {
 public:
    History(World& world, const test::MemoryDatabase& database)
        : world_(world), database_(database) {}

    void add(std::unique_ptr<Checker> checker) { checkers_.push_back(std::move(checker)); }

    // Calls all checkers.
    template <class... Parameters, class... Args>
    void tell(void (Checker::*what)(Parameters...), const Args&... args) {
        for (const auto& checker : checkers_) ((*checker).*what)(args...);
    }
    void inserted(const storage::NewJob& job);
    // Reads the job and reports how it differs.
    void touched(JobId job, Cause cause);
    // Looks at every job once more: none may have changed without a report.
    void look_at_all();

    // The jobs as they were when they were last touched.
    const std::map<JobId, storage::JobRecord>& jobs() const { return jobs_; }
    const storage::NewJob& submitted(JobId job) const { return submitted_.at(job); }
    bool all_final() const;

    World& world() { return world_; }
    void violated(std::string_view invariant, std::string what);
    const std::string& verdict() const { return verdict_; }  // Empty: nothing was violated.

 private:
    World& world_;
    const test::MemoryDatabase& database_;
    std::vector<std::unique_ptr<Checker>> checkers_;
    std::map<JobId, storage::JobRecord> jobs_;
    std::map<JobId, storage::NewJob> submitted_;
    std::string verdict_;
};

}  // namespace millrace::simulation
