#include <signal.h>

#include <array>
#include <string>

#include "tests/chaos/faults.h"

namespace millrace::chaos {
namespace {

using std::chrono::seconds;

// A query that evaluates `what` for the programs' sessions.
std::string of_sessions(const std::string& what) {
    return "SELECT " + what +
           " FROM pg_stat_activity WHERE application_name LIKE 'millrace-%' ORDER BY pid";
}

void start_postgres(System& system) {
    system.stack().postgres().restart().value();
}

void restart_postgres(Scene& scene) {
    scene.system().stack().postgres().stop();
    start_postgres(scene.system());
}

void kill_postgres(Scene& scene) {
    scene.system().stack().postgres().kill();
    start_postgres(scene.system());
}

// No worker may be declared lost for it: the workers could not send heartbeats.
void take_postgres_away(Scene& scene) {
    auto& system = scene.system();
    const auto lost_before = system.lost_workers();
    system.stack().postgres().stop();
    Scene::last(2 * System::kLeaseTtl);
    start_postgres(system);
    for (std::size_t i = 0; i < system.workers(); ++i) {
        system.await("the worker is alive", [&] { return system.is_alive(i); });
    }
    scene.expect(system.lost_workers() == lost_before,
                 "no worker is lost for an outage of PostgreSQL");
}

// The server treats it as a crash: it ends all sessions and recovers.
void kill_backend(Scene& scene) {
    auto& system = scene.system();
    const auto pids = system.database().numbers(of_sessions("pid"));
    const auto pid = pids.at(scene.random().below(pids.size()));
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    // The server still answers until it has noticed; by then the session is gone.
    const auto sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(pid);
    system.await("PostgreSQL has recovered",
                 [&] { return system.database().number(sessions) == 0; });
}

void end_sessions(Scene& scene) {
    scene.system().database().numbers(of_sessions("pg_terminate_backend(pid)::int"));
}

// Other sessions take all connections, and then the programs' are cut: no program gets a new one.
void use_up_connections(Scene& scene) {
    HeldSession mine(scene.system().conninfo());
    std::vector<std::unique_ptr<HeldSession>> taken;
    const auto end = std::chrono::steady_clock::now() + seconds(3);
    while (std::chrono::steady_clock::now() < end) {
        try {
            while (true) {
                taken.push_back(std::make_unique<HeldSession>(scene.system().conninfo()));
            }
        } catch (const std::exception&) {
            // The last connection was taken.
        }
        mine.run(of_sessions("pg_terminate_backend(pid)"));
        Scene::last(std::chrono::milliseconds(50));
    }
}

// Dead rows pile up behind it.
void hold_snapshot(Scene& scene) {
    HeldSession session(scene.system().conninfo());
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM jobs_open");
    Scene::last(seconds(4));
}

void lock_jobs(Scene& scene) {
    HeldSession session(scene.system().conninfo());
    session.run("BEGIN; LOCK TABLE jobs_open IN ACCESS EXCLUSIVE MODE");
    Scene::last(System::kLeaseTtl + seconds(1));
}

constexpr std::array<Fault, 8> kPostgresFaults{{
    {"PostgreSQL restarted", restart_postgres},
    {"PostgreSQL killed", kill_postgres},
    {"PostgreSQL away longer than every lease", take_postgres_away},
    {"a PostgreSQL backend killed", kill_backend},
    {"all PostgreSQL sessions ended", end_sessions},
    {"PostgreSQL connections used up", use_up_connections},
    {"a snapshot held", hold_snapshot},
    {"the jobs table locked", lock_jobs},
}};

}  // namespace

std::span<const Fault> postgres_faults() {
    return kPostgresFaults;
}

}  // namespace millrace::chaos
