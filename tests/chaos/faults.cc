#include "tests/chaos/faults.h"

#include <condition_variable>
#include <mutex>

namespace millrace::chaos {

std::size_t Scene::busy_worker() {
    std::size_t busy = 0;
    system_.await("a worker is busy", [&] {
        busy = any_worker();
        return system_.running_jobs(busy) > 0;
    });
    return busy;
}

void Scene::last(std::chrono::milliseconds time) {
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, time, [] { return false; });
}

void Scene::expect(bool kept, std::string promise) {
    if (!kept) broken_.push_back(std::move(promise));
}

std::vector<Fault> faults_for(const System& system) {
    std::vector<Fault> all;
    const auto add = [&](std::span<const Fault> faults) {
        all.insert(all.end(), faults.begin(), faults.end());
    };
    add(worker_faults());
    add(gateway_faults());
    add(postgres_faults());
    add(kafka_faults());
    add(network_faults());
    add(clock_faults());
    if (system.has_stepped_clock()) add(stepped_clock_faults());
    if (system.disk() != nullptr) add(disk_faults());
    return all;
}

}  // namespace millrace::chaos
