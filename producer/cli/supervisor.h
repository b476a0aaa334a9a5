// Keeps a set of services running: starts them in order, restarts one that dies, and stops them in
// reverse order.
//
// Threads: one caller at a time.
// Blocks:  start_all and stop_all, as long as the services take.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace millrace::cli {

// Something that runs beside this program. `start` returns when it is ready to be used.
struct Service {
    std::string name;
    std::function<Status()> start;
    std::function<bool()> running;
    std::function<std::string()> how_it_ended;  // "exit code 1"; called when it is not running.
    std::function<void()> ask_to_stop;          // May be empty; lets slow ones stop side by side.
    std::function<void()> stop;
};

class Supervisor {
 public:
    // `say` prints a line for people.
    Supervisor(const Clock& clock, std::function<void(const std::string&)> say)
        : clock_(clock), say_(std::move(say)) {}

    // Takes the service over once it has started.
    Status start(Service service);

    // Restarts what died, with a pause that doubles from 0.5 s to 30 s while it keeps dying. Call
    // it a few times a second.
    void watch();

    // Last started, first stopped. Idempotent.
    void stop_all();

 private:
    struct Watched {
        Service service;
        bool down = false;
        milliseconds pause{0};
        MonoTime started_at;
        MonoTime restart_at;
    };

    void notice_end(Watched& watched);
    void restart(Watched& watched);

    const Clock& clock_;
    std::function<void(const std::string&)> say_;
    std::vector<Watched> services_;
};

}  // namespace millrace::cli
