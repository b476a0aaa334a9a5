#include <array>
#include <csignal>

#include "tests/chaos/faults.h"

namespace millrace::chaos {
namespace {

using std::chrono::seconds;

void kill_worker(Scene& scene) {
    auto& system = scene.system();
    const auto number = scene.busy_worker();
    const auto lost_before = system.lost_workers();
    system.stack().worker(number).kill();
    system.await("the worker is lost", [&] { return system.lost_workers() > lost_before; });
    system.restart_worker(number);
}

void kill_all_workers(Scene& scene) {
    auto& system = scene.system();
    scene.busy_worker();
    for (std::size_t i = 0; i < system.workers(); ++i) system.stack().worker(i).kill();
    for (std::size_t i = 0; i < system.workers(); ++i) system.restart_worker(i);
}

// It wakes after its jobs were given to others, and tries to write its outcomes.
void pause_worker(Scene& scene) {
    auto& system = scene.system();
    const auto number = scene.busy_worker();
    auto& worker = system.stack().worker(number);
    worker.send(SIGSTOP);
    system.await("the paused worker is lost", [&] { return !system.is_alive(number); });
    worker.send(SIGCONT);
    system.await("the worker lives again", [&] { return system.is_alive(number); });
}

void stop_workers_in_turn(Scene& scene) {
    auto& system = scene.system();
    for (std::size_t i = 0; i < system.workers(); ++i) {
        const auto status = system.stack().worker(i).terminate(seconds(60));
        scene.expect(status.ok(), "a worker ends in good order on SIGTERM: " + status.str());
        system.restart_worker(i);
    }
}

// Each continues in a successor; running jobs finish in the old worker.
void reload_workers_in_turn(Scene& scene) {
    auto& system = scene.system();
    for (std::size_t i = 0; i < system.workers(); ++i) {
        const auto before = system.incarnations(i);
        system.stack().worker(i).send(SIGHUP);
        system.await("a successor takes the jobs",
                     [&] { return system.incarnations(i) > before && system.is_alive(i); });
    }
}

// Its first two attempts end with their workers, its third completes.
void run_poison(Scene& scene) {
    auto& system = scene.system();
    auto job = test::synthetic_job({{"fail", "crash"}, {"fail_attempts", 2}});
    job["metadata"] = {{"fault", "poison"}};
    const auto id = system.stack().submit(job);
    system.await("the job is over", [&] {
        for (std::size_t i = 0; i < system.workers(); ++i) {
            if (!system.stack().worker(i).running()) system.restart_worker(i);
        }
        return system.stack().job(id)["completed_at"].is_number();
    });
    const auto done = system.stack().job(id);
    scene.expect(done["status"] == "completed" && done["attempt"] >= 3,
                 "a job that took down workers completes once it does not: " + done.dump());
}

// Attempts wait for it and do not count, however long it takes.
void lose_model_endpoint(Scene& scene) {
    auto& system = scene.system();
    auto& endpoint = system.model_endpoint();
    endpoint.set_ill(true);
    test::Json jobs = test::Json::array();
    for (int i = 0; i < 20; ++i) {
        jobs.push_back({{"model", ModelEndpoint::kModel},
                        {"input", {{"prompt", "Once"}}},
                        {"metadata", {{"fault", "endpoint"}}}});
    }
    const auto ids = system.stack().submit_many(jobs);
    Scene::last(seconds(3));
    endpoint.set_ill(false);
    for (const auto& id : ids) {
        const auto done = system.stack().wait_until_final(id);
        scene.expect(done["status"] == "completed" && done["failures"] == 0,
                     "no attempt is spent on an endpoint that is ill: " + done.dump());
    }
}

constexpr std::array<Fault, 7> kWorkerFaults{{
    {"worker killed", kill_worker},
    {"worker paused past its lease", pause_worker},
    {"workers stopped in turn", stop_workers_in_turn},
    {"workers reloaded in turn", reload_workers_in_turn},
    {"all workers killed at once", kill_all_workers},
    {"job that takes down its worker", run_poison},
    {"model endpoint ill", lose_model_endpoint},
}};

}  // namespace

std::span<const Fault> worker_faults() {
    return kWorkerFaults;
}

}  // namespace millrace::chaos
