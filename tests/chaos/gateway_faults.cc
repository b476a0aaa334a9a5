#include <array>
#include <csignal>

#include "tests/chaos/faults.h"

namespace millrace::chaos {
namespace {

using std::chrono::seconds;

void kill_gateway(Scene& scene) {
    scene.system().restart_gateway(scene.any_gateway());
}

void kill_all_gateways(Scene& scene) {
    auto& system = scene.system();
    for (std::size_t i = 0; i < system.gateways(); ++i) system.stack().gateway(i).kill();
    for (std::size_t i = 0; i < system.gateways(); ++i) system.restart_gateway(i);
}

// The pause is long enough that the gateway's keeper, when it wakes, remembers pulses that are
// older than a lease.
void pause_gateway(Scene& scene) {
    auto& gateway = scene.system().stack().gateway(scene.any_gateway());
    gateway.send(SIGSTOP);
    Scene::last(System::kLeaseTtl + seconds(1));
    gateway.send(SIGCONT);
}

void stop_gateways_in_turn(Scene& scene) {
    auto& system = scene.system();
    for (std::size_t i = 0; i < system.gateways(); ++i) {
        const auto status = system.stack().gateway(i).terminate(seconds(60));
        scene.expect(status.ok(), "a gateway ends in good order on SIGTERM: " + status.str());
        system.restart_gateway(i);
    }
}

constexpr std::array<Fault, 4> kGatewayFaults{{
    {"gateway killed", kill_gateway},
    {"gateway paused", pause_gateway},
    {"gateways stopped in turn", stop_gateways_in_turn},
    {"all gateways killed at once", kill_all_gateways},
}};

}  // namespace

std::span<const Fault> gateway_faults() {
    return kGatewayFaults;
}

}  // namespace millrace::chaos
