// Faults of a machine rather than of a program: its clock, its disk.

#include <array>

#include "tests/chaos/faults.h"

namespace millrace::chaos {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

seconds an_hour(Scene& scene) {
    return scene.random().below(2) == 0 ? hours(1) : -hours(1);
}

void run_worker_with_wrong_clock(Scene& scene) {
    auto& system = scene.system();
    const auto number = scene.any_worker();
    const WrongClock clock(an_hour(scene));
    system.restart_worker(number, clock.environment());
    system.await("the worker with the wrong clock runs jobs",
                 [&] { return system.running_jobs(number) > 0; });
    Scene::last(System::kLeaseTtl);
    scene.expect(system.is_alive(number), "a worker with a wrong clock keeps its lease");
    system.restart_worker(number);
}

void run_gateway_with_wrong_clock(Scene& scene) {
    auto& system = scene.system();
    const auto number = scene.any_gateway();
    const WrongClock clock(an_hour(scene));
    system.restart_gateway(number, clock.environment());
    Scene::last(System::kLeaseTtl);
    system.restart_gateway(number);
}

// Less than keeper.deadline_grace: a longer step forwards makes running attempts look overdue.
constexpr seconds kStep{20};

// Steps forwards, and back again.
void step_postgres_clock(Scene& scene) {
    auto& system = scene.system();
    for (const seconds off : {kStep, seconds(0)}) {
        const auto time_of_day = "SELECT extract(epoch FROM clock_timestamp())::bigint";
        const auto before = system.database().number(time_of_day);
        system.postgres_clock().set_off(off);
        const auto after = system.database().number(time_of_day);
        scene.expect(std::abs(after - before) >= kStep.count() - 1, "PostgreSQL's clock steps");
        Scene::last(2 * System::kLeaseTtl);
    }
}

bool succeeds(System& system, const std::string& sql) {
    try {
        system.database().numbers(sql);
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

bool has_room(System& system) {
    return succeeds(system,
                    "CREATE TEMP TABLE filling AS "
                    "SELECT repeat(md5(n::text), 100) FROM generate_series(1, 2000) AS n");
}

void make_room(System& system) {
    system.disk()->free();
    if (!system.stack().postgres().running()) system.stack().postgres().restart().value();
    system.await("PostgreSQL has room", [&] { return has_room(system); });
}

// Tables cannot grow; the log keeps the room that it has.
void fill_disk(Scene& scene) {
    auto& system = scene.system();
    system.disk()->fill();
    system.await("PostgreSQL has no room", [&] { return !has_room(system); });
    Scene::last(seconds(3));
    make_room(system);
}

// Not even the log can grow: PostgreSQL stops, and cannot start before there is room.
void fill_disk_and_log(Scene& scene) {
    auto& system = scene.system();
    system.disk()->fill();
    system.await("PostgreSQL cannot write its log", [&] {
        return !succeeds(system,
                         "SELECT pg_logical_emit_message(false, '', repeat('x', 8000000)) IS NULL");
    });
    Scene::last(seconds(2));
    make_room(system);
}

constexpr std::array<Fault, 2> kClockFaults{{
    {"a worker's clock an hour wrong", run_worker_with_wrong_clock},
    {"a gateway's clock an hour wrong", run_gateway_with_wrong_clock},
}};
constexpr std::array<Fault, 1> kSteppedClockFaults{{
    {"PostgreSQL's clock stepped, and back", step_postgres_clock},
}};
constexpr std::array<Fault, 2> kDiskFaults{{
    {"PostgreSQL's disk full", fill_disk},
    {"PostgreSQL's disk full, its log too", fill_disk_and_log},
}};

}  // namespace

std::span<const Fault> clock_faults() {
    return kClockFaults;
}

std::span<const Fault> stepped_clock_faults() {
    return kSteppedClockFaults;
}

std::span<const Fault> disk_faults() {
    return kDiskFaults;
}

}  // namespace millrace::chaos
