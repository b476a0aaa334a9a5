#include <array>

#include "tests/chaos/faults.h"
#include "tests/chaos/kafka_topics.h"

namespace millrace::chaos {
namespace {

using std::chrono::seconds;

void start_kafka(System& system) {
    system.stack().kafka().restart().value();
}

void take_kafka_away(Scene& scene) {
    scene.system().stack().kafka().stop();
    Scene::last(seconds(4));
    start_kafka(scene.system());
}

void kill_kafka(Scene& scene) {
    scene.system().stack().kafka().kill();
    start_kafka(scene.system());
}

void wipe_kafka(Scene& scene) {
    scene.system().stack().kafka().wipe_and_restart().value();
}

// No gateway can create the topics again while none can reach Kafka; the workers see that they are
// missing.
void wipe_kafka_for_a_while(Scene& scene) {
    auto& system = scene.system();
    for (std::size_t i = 0; i < system.gateways(); ++i) system.gates_of_gateway(i).kafka->cut();
    system.stack().kafka().wipe_and_restart().value();
    Scene::last(seconds(4));
    for (std::size_t i = 0; i < system.gateways(); ++i) system.gates_of_gateway(i).kafka->open();
}

// The topics are created again and filled beyond their consumers' offsets before the consumers
// notice the loss: they skip the messages below without an error.
void refill_topics(Scene& scene) {
    auto& kafka = scene.system().stack().kafka();
    const std::string topic = "millrace.jobs.default.normal";
    delete_topic(kafka.bootstrap(), topic);
    constexpr int kPartitions = 4;
    constexpr int kMore = 20'000;  // Usually more than all jobs dispatched before.
    refill_topic(kafka.bootstrap(), topic, kPartitions, kMore);
}

constexpr std::array<Fault, 5> kKafkaFaults{{
    {"Kafka away for a while", take_kafka_away},
    {"Kafka killed", kill_kafka},
    {"Kafka wiped", wipe_kafka},
    {"Kafka wiped, topics missing for a while", wipe_kafka_for_a_while},
    {"a topic deleted and refilled", refill_topics},
}};

}  // namespace

std::span<const Fault> kafka_faults() {
    return kKafkaFaults;
}

}  // namespace millrace::chaos
