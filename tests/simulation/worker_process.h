// A worker of the simulated world: the parts of the real one, with threads that take their turns.
#pragma once

#include <optional>
#include <vector>

#include "tests/simulation/conveyor.h"
#include "tests/simulation/database.h"
#include "tests/simulation/process.h"
#include "worker/app/parts.h"

namespace millrace::simulation {

inline constexpr milliseconds kStealBound{2000};
inline constexpr std::size_t kPreemptionsMax = 2;

// The properties that a worker keeps when it starts again.
struct WorkerShape {
    std::string name;
    std::vector<std::string> models;
    std::size_t slots = 1;
    std::size_t batch_max = 1;
    schedule::BatchOptions batch;
    bool is_strict = false;
};

WorkerShape draw_worker(World& world, int number);

class WorkerProcess : public Process {
 public:
    WorkerProcess(World& world, WorkerShape shape, int number, Conveyor& conveyor,
                  Database& database, const Weather& weather, History& history);
    ~WorkerProcess() override;

    // Makes its threads; call once it is shared.
    void start();
    // Drains as after a SIGTERM.
    void drain();
    bool has_drained() const { return drained_; }

    const WorkerShape& shape() const { return shape_; }
    // Returns the incarnation that it acts for; nil before the first.
    WorkerId worker() const { return core_.lease.worker(); }
    bool holds_nothing() const;
    WorkerGlance glance();

 private:
    worker::WorkerOptions options() const;
    std::vector<std::unique_ptr<backends::Backend>> make_backends(const Weather& weather,
                                                                  History& history);
    void began(const ClaimedJob& job, History& history);
    void step_drain();

    const WorkerShape shape_;
    const int number_;
    Client broker_;
    worker::Core core_;
    std::optional<worker::Parts> parts_;
    ThreadId claim_ = 0;
    ThreadId settle_ = 0;
    ThreadId events_ = 0;
    bool disturbed_ = false;
    bool drained_ = false;
};

}  // namespace millrace::simulation
