// A single-node Apache Kafka of our own on 127.0.0.1 (KRaft, no ZooKeeper), from the jars that
// deploy/fetch-kafka.sh put into the cache.
//
// Threads:   one caller at a time.
// Owns:      the server process and its ports; the data directory stays.
// Errors:    kNotFound: Java or the jars are missing (the message says what to run);
//            kInvalidArgument: the data directory cannot be used; kUnavailable: the broker did not
//            start (its last log lines are in the message).
// Blocks:    start, restart: about a second, at most start_timeout; the first start on a machine
//            ten seconds more; stop: up to stop_timeout.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/embedded/kafka_process.h"
#include "common/embedded/kafka_start_kit.h"
#include "common/process/port_reservation.h"

namespace millrace::embedded {

enum class JvmTuning {
    kFastStart,   // Starts in a second, costs up to twice the processor time per request.
    kThroughput,  // Full compiler and a larger heap: for measuring, and for serving for long.
};

struct ApacheKafkaOptions {
    std::filesystem::path directory;  // Made when missing; keeps topics and offsets.
    int port = 0;                     // 0: any free port, kept over restarts.
    JvmTuning tuning = JvmTuning::kFastStart;
    // Ports of relays to this broker. Kafka tells its clients where to connect; a client that comes
    // through a relay is told to come through it again.
    std::vector<int> relays;
    std::chrono::milliseconds start_timeout{120'000};
    std::chrono::milliseconds stop_timeout{30'000};
    std::stop_token give_up;  // Ends start and restart soon after it is requested: kCancelled.
};

class ApacheKafka {
 public:
    // Returns when topics can be created and groups joined.
    static Result<std::unique_ptr<ApacheKafka>> start(ApacheKafkaOptions options);

    ~ApacheKafka();  // kill(): safe, since what was written is in the operating system's hands.

    std::string bootstrap() const;  // "127.0.0.1:PORT", the same over the object's life.
    // Where the relay of this number must lead to, the same over the object's life.
    int relay_target(std::size_t number) const { return relay_targets_.at(number).port(); }
    bool running();

    void ask_to_stop();  // Asks for stop() without waiting for it.
    void stop();         // Cleanly; idempotent.
    void kill();         // SIGKILL.
    // Starts it again on the same port with the same data. After kill() this takes 2 to 3 s: the
    // controller first lets the old broker's session expire.
    Status restart();
    // Loses every topic, record and offset, as a broker whose disk was replaced.
    Status wipe_and_restart();

 private:
    ApacheKafka(ApacheKafkaOptions options, KafkaPrograms programs, KafkaStartKit kit,
                std::optional<process::PortReservation> port,
                process::PortReservation controller_port);

    Status provide_data() const;
    std::vector<KafkaRelay> relays() const;

    // Fixed after construction.
    ApacheKafkaOptions options_;
    KafkaPrograms programs_;
    KafkaStartKit kit_;
    std::optional<process::PortReservation> port_;
    process::PortReservation controller_port_;
    std::vector<process::PortReservation> relay_targets_;

    std::unique_ptr<process::ChildProcess> server_;
};

}  // namespace millrace::embedded
