// A private single-node Apache Kafka on 127.0.0.1 (KRaft, no ZooKeeper), run from the jars that
// deploy/fetch-kafka.sh puts into the cache.
//
// Threads:   one caller at a time.
// Owns:      the server process and its ports; the data directory remains.
// Errors:    kNotFound: Java or the jars are missing (the message says what to run);
//            kInvalidArgument: the data directory cannot be used; kUnavailable: the broker did not
//            start (the message has its last log lines); kCancelled: options.give_up was requested.
// Blocks:    start, restart: about a second, at most start_timeout; the first start on a machine
//            takes ten seconds more. stop: up to stop_timeout.
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
    kFastStart,   // Starts in a second; uses up to twice the processor time per request.
    kThroughput,  // Full compiler and a larger heap: for measuring and for long use.
};

struct ApacheKafkaOptions {
    std::filesystem::path directory;  // Created if missing; keeps topics and offsets.
    int port = 0;                     // 0: any free port, kept across restarts.
    JvmTuning tuning = JvmTuning::kFastStart;
    // The ports of relays to this broker. Kafka announces to its clients where to connect; a client
    // that comes through a relay receives that relay's address.
    std::vector<int> relays;
    std::chrono::milliseconds start_timeout{120'000};
    std::chrono::milliseconds stop_timeout{30'000};
    std::stop_token give_up;  // Ends start and restart soon after a request: kCancelled.
};

class ApacheKafka {
 public:
    // Returns once topics can be created and groups joined.
    static Result<std::unique_ptr<ApacheKafka>> start(ApacheKafkaOptions options);

    ~ApacheKafka();  // kill(): safe, because the operating system has all that was written.

    std::string bootstrap() const;  // "127.0.0.1:PORT", the same for the object's life.
    // The port to which the relay with this index must lead, the same for the object's life.
    int relay_target(std::size_t number) const { return relay_targets_.at(number).port(); }
    bool running();

    void ask_to_stop();  // Starts what stop() does, without waiting.
    void stop();         // Stops cleanly; idempotent.
    void kill();         // SIGKILL.
    // Starts the broker again on the same port with the same data. After kill() this takes 2 to 3
    // s, because the controller first lets the old broker's session expire.
    Status restart();
    // Loses every topic, record and offset, like a broker whose disk was replaced.
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
