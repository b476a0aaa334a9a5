// Keeps a set of services running: starts them in order, restarts those that die, and stops them in
// reverse order.
//
// Threads: one caller at a time.
// Blocks:  start, watch: as long as a service's own start; stop_all: as long as the services take.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace millrace::cli::up {

// Something that runs beside this program.
struct Service {
    std::string name;               // "the gateway"
    std::function<Status()> start;  // Called again after an end, too.
    std::function<bool()> running;
    std::function<bool()> ready;                // May be empty: ready once `start` has returned.
    std::function<std::string()> how_it_ended;  // "exit code 1: why"; if not running.
    std::function<void()> ask_to_stop;
    // Whether it had no work to finish at some moment after it was asked to stop, even if the
    // request takes a while to arrive. It is killed then, because work that it takes up later
    // returns to the queue by itself. May be empty if that is unknown.
    std::function<bool(MonoTime asked)> was_idle;
    std::function<void()> kill;  // Kills it at once; allowed after its end too.
    bool stops_early = false;  // It is asked before the others, so that slow ones stop in parallel.
    milliseconds grace{10000};  // From ask_to_stop to kill.
};

class Supervisor {
 public:
    using Say = std::function<void(const std::string& line)>;
    using Wait = std::function<void(milliseconds)>;

    // `say` prints a line for people; `wait` passes the time while services stop.
    Supervisor(const Clock& clock, Say say, Wait wait)
        : clock_(clock), say_(std::move(say)), wait_(std::move(wait)) {}

    // Starts the service and, if that works, takes it over.
    Status start(Service service);

    // Restarts services that died, with a pause that doubles from 0.5 s to 30 s while one keeps
    // dying. Call it a few times a second. kUnavailable: a service ended that was never ready, so a
    // restart would only repeat that.
    Status watch();

    bool all_ready() const;

    // Stops the services in reverse order. Each running one is asked, ready or not: one that waits
    // for some of what it needs may be at work on the rest. Once `hurry` is requested, all are
    // killed. Idempotent.
    void stop_all(const std::stop_token& hurry);

 private:
    struct Watched {
        Service service;
        bool down = false;
        bool is_ready = false;   // In this run.
        bool was_ready = false;  // In any run.
        milliseconds pause{0};
        MonoTime started_at;
        MonoTime restart_at;
        MonoTime asked_at;  // When it was asked to stop.
    };

    void look_if_ready(Watched& watched);
    void notice_end(Watched& watched, const std::string& how);
    void restart(Watched& watched);
    void ask_to_stop(Watched& watched);
    void stop(Watched& watched, const std::stop_token& hurry);

    const Clock& clock_;
    Say say_;
    Wait wait_;
    std::vector<Watched> services_;
};

}  // namespace millrace::cli::up
