// What goes wrong: how often, for whom, and for how long. A seed draws it again for each run and
// leaves most of it out, so that every kind of fault also occurs without the others.
//
// Plain values; each probability is that of one call, one message or one attempt.
#pragma once

#include "tests/simulation/world.h"

namespace millrace::simulation {

struct Weather {
    struct Store {
        bool away = false;
        double refused = 0;   // Nothing was changed, and the caller knows.
        double in_doubt = 0;  // The caller does not know: lost, done, or done seconds later.
        double slow = 0;      // Takes up to two seconds.
    } store;

    struct Conveyor {
        bool away = false;
        double lost = 0;
        double repeated = 0;
        double late = 0;
        double refused = 0;  // The publisher's buffer is full.
    } conveyor;

    struct Model {
        double retryable = 0;
        double permanent = 0;
        double rate_limited = 0;
        double hangs = 0;
        double stubborn = 0;  // Goes on for a while after an abort, or completes in spite of it.
    } model;

    // The average interval between the beginnings of each; zero: never.
    struct Events {
        seconds worker_crash{0};
        seconds gateway_crash{0};
        seconds pause{0};
        seconds cut_off{0};
        seconds drain{0};
        seconds store_outage{0};
        seconds clock_step{0};
        seconds conveyor_outage{0};
        seconds conveyor_wipe{0};
        seconds power_cut{0};  // All workers at once.
    } events;
};

Weather draw_weather(World& world);

}  // namespace millrace::simulation
