// Keeps a set of services running: starts them in order, restarts one that dies, and stops them in
// reverse order.
//
// Threads: one caller at a time.
// Blocks:  start, watch: as long as a service's own start; stop_all as long as the services take.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace millrace::cli {

// Something that runs beside this program.
struct Service {
    std::string name;               // "the gateway"
    std::function<Status()> start;  // Again after an end, too.
    std::function<bool()> running;
    std::function<bool()> ready;                // May be empty: it is when `start` has returned.
    std::function<std::string()> how_it_ended;  // "exit code 1: why"; when it is not running.
    std::function<void()> ask_to_stop;
    // Whether it had no work to bring to an end at some moment since it was asked to stop, however
    // long it takes to hear that; it is killed then: what it takes up later it hands back by
    // itself. May be empty: nobody can tell.
    std::function<bool(MonoTime asked)> was_idle;
    std::function<void()> kill;  // At once; also one that has ended.
    bool stops_early = false;    // Asked before any other is, so that slow ones stop side by side.
    milliseconds grace{10000};   // From ask_to_stop to kill.
};

class Supervisor {
 public:
    using Say = std::function<void(const std::string& line)>;
    using Wait = std::function<void(milliseconds)>;

    // `say` prints a line for people; `wait` passes the time while services stop.
    Supervisor(const Clock& clock, Say say, Wait wait)
        : clock_(clock), say_(std::move(say)), wait_(std::move(wait)) {}

    // Takes the service over once it has started.
    Status start(Service service);

    // Restarts what died, with a pause that doubles from 0.5 s to 30 s while it keeps dying. Call
    // it a few times a second. kUnavailable: one ended that has never been ready, so that starting
    // it again would only repeat it.
    Status watch();

    bool all_ready() const;

    // Last started, first stopped. Each that runs is asked, ready or not: one that waits for a
    // part of what it needs may be at work on the rest. All are killed once `hurry` is requested.
    // Idempotent.
    void stop_all(const std::stop_token& hurry);

 private:
    struct Watched {
        Service service;
        bool down = false;
        bool is_ready = false;   // In this run of it.
        bool was_ready = false;  // In any.
        milliseconds pause{0};
        MonoTime started_at;
        MonoTime restart_at;
        MonoTime asked_at;  // To stop.
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

}  // namespace millrace::cli
