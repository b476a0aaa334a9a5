#include "tests/simulation/weather.h"

namespace millrace::simulation {

Weather draw_weather(World& world) {
    // Two kinds of fault in five occur at all.
    const auto maybe = [&world](double most) {
        return world.chance(0.4) ? most * world.random().unit() : 0.0;
    };
    const auto every = [&world](int least, int most) {
        if (!world.chance(0.4)) return seconds(0);
        return seconds(least + static_cast<int>(
                                   world.random().below(static_cast<std::uint64_t>(most - least))));
    };
    Weather weather;
    weather.store = {.refused = maybe(0.1), .in_doubt = maybe(0.15), .slow = maybe(0.03)};
    weather.conveyor = {
        .lost = maybe(1), .repeated = maybe(0.3), .late = maybe(0.3), .refused = maybe(0.5)};
    weather.model = {.retryable = maybe(0.4),
                     .permanent = maybe(0.1),
                     .rate_limited = maybe(0.2),
                     .hangs = maybe(0.1),
                     .stubborn = maybe(1)};
    weather.events = {.worker_crash = every(4, 20),
                      .gateway_crash = every(5, 20),
                      .pause = every(4, 15),
                      .cut_off = every(4, 15),
                      .drain = every(5, 20),
                      .store_outage = every(6, 20),
                      .clock_step = every(8, 25),
                      .conveyor_outage = every(5, 20),
                      .conveyor_wipe = every(8, 25)};
    // It is the only fault of workers in its world, so that its losses can be told from others.
    if (world.chance(0.1)) {
        auto& events = weather.events;
        events.power_cut = seconds(8);
        events.worker_crash = events.pause = events.cut_off = events.drain = seconds(0);
    }
    return weather;
}

}  // namespace millrace::simulation
