#include "tests/simulation/connection.h"

#include <algorithm>
#include <array>

namespace millrace::simulation {
namespace {

constexpr std::array<std::string_view, 12> kReads{
    "job_specs", "store_probe", "model_list", "job_get",     "job_find",      "job_list",
    "job_count", "lane_stats",  "lane_ages",  "worker_list", "worker_active", "worker_pulses"};

}  // namespace

Connection::Connection(Database& database, Process& process, const Weather::Store& weather,
                       std::function<void()> on_fault)
    : InterceptedJobStore(database),
      database_(database),
      world_(process.world()),
      process_(process),
      weather_(weather),
      on_fault_(std::move(on_fault)) {}

milliseconds Connection::database_time() const {
    if (database_time_.count() == 0) return database_time_;
    return database_time_ +
           std::chrono::duration_cast<milliseconds>(process_.clock().now() - read_at_);
}

bool Connection::is_write(std::string_view name) {
    return std::ranges::find(kReads, name) == kReads.end();
}

void Connection::travel() {
    const bool slow = world_.chance(weather_.slow);
    const auto most = slow ? microseconds(seconds(2)) : milliseconds(1);
    const auto time = world_.between(microseconds(50), most);
    if (slow) {
        world_.say(process_.name(), "waits {} ms for the database", time.count() / 1000);
        on_fault_();
    }
    world_.wait(time);
    // The process may be paused in the middle of a call.
    while (process_.is_paused() && process_.is_alive() && !world_.stopped()) {
        const auto before = world_.now();
        world_.wait(milliseconds(100));
        if (world_.now() == before) break;
    }
    if (slow) on_fault_();
}

bool Connection::arrives(std::string_view name) {
    if (!process_.is_alive()) return false;
    const bool refused = world_.chance(weather_.refused);
    if (!weather_.away && !process_.is_cut_off() && !refused) return true;
    world_.say(process_.name(), "{}: refused", name);
    on_fault_();
    return false;
}

void Connection::carry_out_later(std::string_view name, std::function<void()> call) {
    // Some calls outlast the lease of the worker that sent them.
    const auto most = world_.chance(0.3) ? 2 * kLeaseTtl : kLeaseTtl / 3;
    const auto delay = world_.between(milliseconds(1), most);
    database_.expect_call();
    world_.after(delay, [&world = world_, &weather = weather_, &database = database_, name,
                         alive = database_.alive(), call = std::move(call)] {
        world.say("database", "{}: {} late", name, weather.away ? "lost" : "carried out");
        database.carry_out(weather.away ? nullptr : call, alive);
    });
}

void Connection::remember_time() {
    database_time_ = database_.database_time();
    read_at_ = process_.clock().now();
}

}  // namespace millrace::simulation
