#include <array>

#include "tests/chaos/faults.h"

namespace millrace::chaos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Long enough to have an effect, shorter than a client's patience.
constexpr seconds kWhile{3};

void cut_gateway_from_postgres(Scene& scene) {
    auto& gate = *scene.system().gates_of_gateway(scene.any_gateway()).postgres;
    gate.cut();
    Scene::last(kWhile);
    gate.open();
}

// Statements and their answers arrive late, including commits that their client has given up.
void hold_gateways_and_postgres(Scene& scene) {
    auto& system = scene.system();
    for (std::size_t i = 0; i < system.gateways(); ++i) system.gates_of_gateway(i).postgres->hold();
    Scene::last(kWhile);
    for (std::size_t i = 0; i < system.gateways(); ++i) system.gates_of_gateway(i).postgres->open();
}

// Other workers run its jobs meanwhile.
void lose_worker(Scene& scene, void (Gate::*damage)()) {
    auto& system = scene.system();
    const auto number = scene.busy_worker();
    auto& gate = *system.gates_of_worker(number).postgres;
    (gate.*damage)();
    system.await("the worker that cannot be heard is lost",
                 [&] { return !system.is_alive(number); });
    gate.open();
    system.await("the worker lives again", [&] { return system.is_alive(number); });
}

void cut_worker_from_postgres(Scene& scene) {
    lose_worker(scene, &Gate::cut);
}

// Its heartbeats, claims and outcomes arrive after it was declared lost.
void hold_worker_and_postgres(Scene& scene) {
    lose_worker(scene, &Gate::hold);
}

void cut_worker_from_kafka(Scene& scene) {
    auto& gate = *scene.system().gates_of_worker(scene.any_worker()).kafka;
    gate.cut();
    Scene::last(kWhile);
    gate.open();
}

void hold_workers_and_kafka(Scene& scene) {
    auto& system = scene.system();
    for (std::size_t i = 0; i < system.workers(); ++i) system.gates_of_worker(i).kafka->hold();
    Scene::last(kWhile);
    for (std::size_t i = 0; i < system.workers(); ++i) system.gates_of_worker(i).kafka->open();
}

void cut_gateways_from_kafka(Scene& scene) {
    auto& system = scene.system();
    for (std::size_t i = 0; i < system.gateways(); ++i) system.gates_of_gateway(i).kafka->cut();
    Scene::last(kWhile);
    for (std::size_t i = 0; i < system.gateways(); ++i) system.gates_of_gateway(i).kafka->open();
}

// Answers are lost again and again, including those of accepted submissions.
void cut_clients(Scene& scene) {
    auto& system = scene.system();
    for (int i = 0; i < 20; ++i) {
        auto& gate = *system.gates_of_gateway(scene.any_gateway()).clients;
        gate.cut();
        gate.open();
        Scene::last(milliseconds(100));
    }
}

void slow_everything(Scene& scene) {
    auto& system = scene.system();
    const auto each = [&](auto change) {
        for (std::size_t i = 0; i < system.gateways(); ++i) change(system.gates_of_gateway(i));
        for (std::size_t i = 0; i < system.workers(); ++i) change(system.gates_of_worker(i));
    };
    each([](const System::Gates& gates) {
        for (const auto* gate : {&gates.clients, &gates.postgres, &gates.kafka}) {
            (*gate)->delay(milliseconds(100));
        }
    });
    Scene::last(kWhile);
    each([](const System::Gates& gates) {
        for (const auto* gate : {&gates.clients, &gates.postgres, &gates.kafka}) (*gate)->open();
    });
}

constexpr std::array<Fault, 9> kNetworkFaults{{
    {"gateway cut off from PostgreSQL", cut_gateway_from_postgres},
    {"gateways and PostgreSQL do not hear each other", hold_gateways_and_postgres},
    {"worker cut off from PostgreSQL past its lease", cut_worker_from_postgres},
    {"worker and PostgreSQL do not hear each other past its lease", hold_worker_and_postgres},
    {"worker cut off from Kafka", cut_worker_from_kafka},
    {"workers and Kafka do not hear each other", hold_workers_and_kafka},
    {"gateways cut off from Kafka", cut_gateways_from_kafka},
    {"clients cut off from gateways", cut_clients},
    {"every way slow", slow_everything},
}};

}  // namespace

std::span<const Fault> network_faults() {
    return kNetworkFaults;
}

}  // namespace millrace::chaos
