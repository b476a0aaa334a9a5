// The faults, one function each. A fault breaks something under load, waits until that has had its
// effect, heals it, and returns when all parts work again.
//
// Threads: one fault at a time.
// Errors:  what System throws.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "tests/chaos/system.h"

namespace millrace::chaos {

// The place of a fault.
class Scene {
 public:
    Scene(System& system, Random& random) : system_(system), random_(random) {}

    System& system() { return system_; }
    Random& random() { return random_; }
    std::size_t any_gateway() { return random_.below(system_.gateways()); }
    std::size_t any_worker() { return random_.below(system_.workers()); }
    // A worker that runs jobs at this moment.
    std::size_t busy_worker();
    // Lets a fault last. Only for faults whose length matters; others wait for their effect.
    static void last(std::chrono::milliseconds time);
    // Records whether a promise was kept that only the fault itself can check.
    void expect(bool kept, std::string promise);

    const std::vector<std::string>& broken_promises() const { return broken_; }

 private:
    System& system_;
    Random& random_;
    std::vector<std::string> broken_;
};

struct Fault {
    std::string_view name;
    void (*strike)(Scene&);
};

std::span<const Fault> worker_faults();
std::span<const Fault> gateway_faults();
std::span<const Fault> postgres_faults();
std::span<const Fault> kafka_faults();
std::span<const Fault> network_faults();
std::span<const Fault> clock_faults();
std::span<const Fault> stepped_clock_faults();  // For a system with a stepped clock.
std::span<const Fault> disk_faults();           // For a system with a small disk.

// All faults that are possible in this system.
std::vector<Fault> faults_for(const System& system);

}  // namespace millrace::chaos
