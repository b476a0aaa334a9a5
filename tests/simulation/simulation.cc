#include "tests/simulation/simulation.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tests/simulation/checkers/checkers.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/database.h"
#include "tests/simulation/worker_process.h"

namespace millrace::simulation {
namespace {

constexpr milliseconds kGlanceInterval{250};
constexpr seconds kCalmMin{3};
// A poisonous job must be lost three times, each time for a lease; then come the backoffs.
constexpr seconds kCalmMax{120};

class Simulation {
 public:
    Simulation(std::uint64_t seed, const Options& options)
        : world_(seed, options.trace),
          database_clock_(world_),
          memory_(database_clock_),
          history_(world_, memory_),
          database_(memory_, history_),
          weather_(draw_weather(world_)),
          conveyor_(world_, weather_.conveyor),
          clients_(world_, history_, database_clock_, [this] { return serving_gateway(); }) {
        if (options.mutation) memory_.leave_out(*options.mutation);
        add_checkers(history_);
    }

    Report run(std::uint64_t seed) {
        const auto storm = world_.between(seconds(8), seconds(20));
        build();
        clients_.submit_within(storm, 15 + static_cast<int>(world_.random().below(30)));
        begin_events();
        glance();
        world_.run_until(world_.now() + storm);
        calm_down();
        come_to_rest();
        return {.seed = seed,
                .verdict = history_.verdict(),
                .fingerprint = world_.fingerprint(),
                .jobs = history_.jobs().size(),
                .preemptions = preemptions(),
                .lasted = world_.age()};
    }

 private:
    void build() {
        const auto gateways = 1 + world_.random().below(2);
        const auto workers = 1 + world_.random().below(4);
        for (std::size_t i = 1; i <= gateways; ++i) {
            gateways_.push_back(start_gateway(fmt::format("gateway-{}", i)));
        }
        for (std::size_t i = 1; i <= workers; ++i) {
            workers_.push_back(start_worker(draw_worker(world_, static_cast<int>(i))));
        }
    }

    std::shared_ptr<GatewayProcess> start_gateway(const std::string& name) {
        world_.say(name, "starts");
        auto gateway =
            std::make_shared<GatewayProcess>(world_, name, conveyor_, database_, weather_);
        gateway->start();
        return gateway;
    }

    std::shared_ptr<WorkerProcess> start_worker(WorkerShape shape) {
        world_.say(shape.name, "starts");
        auto worker = std::make_shared<WorkerProcess>(world_, std::move(shape), ++processes_,
                                                      conveyor_, database_, weather_, history_);
        worker->start();
        return worker;
    }

    std::shared_ptr<GatewayProcess> serving_gateway() {
        std::vector<std::shared_ptr<GatewayProcess>> serving;
        std::ranges::copy_if(gateways_, std::back_inserter(serving),
                             [](const auto& gateway) { return gateway->serves(); });
        if (serving.empty()) return nullptr;
        return serving[world_.random().below(serving.size())];
    }

    // --- Faults ---

    // Repeats `happen` until the storm is over.
    void every(const seconds Weather::Events::*mean, std::function<void()> happen) {
        const auto interval = weather_.events.*mean;
        if (interval.count() == 0) return;
        world_.after(world_.between(milliseconds(100), 2 * interval),
                     [this, mean, happen = std::move(happen)] {
                         if (weather_.events.*mean == seconds(0)) return;
                         happen();
                         every(mean, happen);
                     });
    }

    void begin_events() {
        using Events = Weather::Events;
        every(&Events::worker_crash, [this] { crash(*any(workers_)); });
        every(&Events::gateway_crash, [this] { crash(*any(gateways_)); });
        every(&Events::pause, [this] {
            auto& process = any_process();
            const auto time = world_.between(milliseconds(50), 2 * kLeaseTtl);
            world_.say(process.name(), "is stopped for {} ms", time.count() / 1000);
            process.pause(time);
        });
        every(&Events::cut_off, [this] {
            auto& process = any_process();
            const auto time = world_.between(milliseconds(50), 2 * kLeaseTtl);
            world_.say(process.name(), "is cut off for {} ms", time.count() / 1000);
            process.cut_off(time);
        });
        every(&Events::drain, [this] { any(workers_)->drain(); });
        every(&Events::store_outage, [this] { begin_outage(); });
        every(&Events::clock_step, [this] {
            const auto step = world_.between(seconds(-3), seconds(20));
            world_.say("database", "its clock steps by {} ms", step.count() / 1000);
            database_clock_.step(step);
            history_.tell(&Checker::clock_stepped);
        });
        every(&Events::conveyor_outage, [this] {
            weather_.conveyor.away = true;
            world_.after(world_.between(milliseconds(50), seconds(8)),
                         [this] { weather_.conveyor.away = false; });
        });
        every(&Events::conveyor_wipe, [this] { conveyor_.wipe(); });
        every(&Events::power_cut, [this] { cut_power(); });
    }

    template <class T>
    const std::shared_ptr<T>& any(const std::vector<std::shared_ptr<T>>& processes) {
        return processes[world_.random().below(processes.size())];
    }

    Process& any_process() {
        if (world_.chance(0.7)) return *any(workers_);
        return *any(gateways_);
    }

    void crash(Process& process) {
        world_.say(process.name(), "crashes");
        process.kill();
    }

    void begin_outage() {
        if (std::exchange(weather_.store.away, true)) return;
        world_.say("database", "is away");
        away_since_ = world_.now();
        world_.after(world_.between(milliseconds(50), 2 * kLeaseTtl), [this] { end_outage(); });
    }

    void end_outage() {
        if (!std::exchange(weather_.store.away, false)) return;
        world_.say("database", "is back");
        history_.tell(&Checker::store_was_away,
                      std::chrono::duration_cast<microseconds>(world_.now() - away_since_));
    }

    void cut_power() {
        world_.say("nature", "all workers lose power");
        std::set<WorkerId> victims;
        for (const auto& worker : workers_) {
            if (worker->is_alive()) victims.insert(worker->worker());
            worker->kill();
        }
        history_.tell(&Checker::power_failed, victims);
    }

    // --- Watching ---

    void glance() {
        std::vector<WorkerGlance> glances;
        for (const auto& worker : workers_) glances.push_back(worker->glance());
        history_.tell(&Checker::looked, glances);
        for (auto& worker : workers_) revive(worker);
        for (auto& gateway : gateways_) revive(gateway);
        world_.after(kGlanceInterval, [this] { glance(); });
    }

    // A crashed process is gone; another with its name comes after a while.
    void revive(std::shared_ptr<WorkerProcess>& worker) {
        if (worker->is_alive() || !world_.chance(0.1)) return;
        worker = start_worker(worker->shape());
    }
    void revive(std::shared_ptr<GatewayProcess>& gateway) {
        if (gateway->is_alive() || !world_.chance(0.1)) return;
        gateway = start_gateway(gateway->name());
    }

    // --- The end ---

    void calm_down() {
        world_.say("nature", "the storm is over");
        const bool was_away = weather_.store.away;
        weather_.store = {.away = was_away};
        weather_.conveyor = {};
        weather_.model = {};
        weather_.events = {};
        end_outage();
        for (const auto& worker : workers_) worker->heal();
        for (const auto& gateway : gateways_) gateway->heal();
    }

    bool is_at_rest() const {
        return clients_.are_done() && !database_.expects_calls() && history_.all_final() &&
               std::ranges::all_of(workers_, [](const auto& worker) {
                   return worker->is_alive() && worker->holds_nothing();
               });
    }

    void come_to_rest() {
        const auto calm = world_.now();
        world_.run_until(calm + kCalmMin);
        while (!world_.stopped() && !is_at_rest()) {
            if (world_.now() - calm > kCalmMax) return history_.violated("1", what_is_left());
            world_.run_until(world_.now() + kGlanceInterval);
        }
        // Final states must stay as they are.
        world_.run_until(world_.now() + seconds(1));
        if (world_.stopped()) return;
        history_.look_at_all();
        history_.tell(&Checker::came_to_rest);
    }

    std::size_t preemptions() const {
        std::size_t count = 0;
        for (const auto& [id, job] : history_.jobs()) {
            count += static_cast<std::size_t>(
                std::ranges::count(job.attempts, "preempted", &storage::AttemptRecord::error_code));
        }
        return count;
    }

    std::string what_is_left() const {
        for (const auto& [id, job] : history_.jobs()) {
            if (!info(job.state).is_final) {
                return fmt::format("{} is still {}", id.str(), name(job.state));
            }
        }
        for (const auto& worker : workers_) {
            if (!worker->holds_nothing()) return worker->name() + " does not let go of a slot";
        }
        return clients_.pending();
    }

    World world_;
    DatabaseClock database_clock_;
    test::MemoryDatabase memory_;
    History history_;
    Database database_;
    Weather weather_;
    Conveyor conveyor_;
    Clients clients_;
    std::vector<std::shared_ptr<GatewayProcess>> gateways_;
    std::vector<std::shared_ptr<WorkerProcess>> workers_;
    MonoTime away_since_;
    int processes_ = 0;
};

}  // namespace

Report simulate(std::uint64_t seed, const Options& options) {
    Simulation simulation(seed, options);
    return simulation.run(seed);
}

}  // namespace millrace::simulation
