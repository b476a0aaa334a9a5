// One Java virtual machine that runs Apache Kafka in KRaft mode, broker and controller in one: its
// configuration, formatting and start. Internal to the module.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/child_process.h"

namespace millrace::embedded {

// The places of the virtual machine and of Kafka's jars.
struct KafkaPrograms {
    std::filesystem::path java;
    std::filesystem::path lib;
    std::string class_path;
};

// Errors: kNotFound, naming what to install or run.
Result<KafkaPrograms> find_kafka_programs();

// Clients that connect to `target` receive `port` as the broker's.
struct KafkaRelay {
    int port = 0;
    int target = 0;
};

struct KafkaLaunch {
    std::filesystem::path directory;  // Holds data/, the configuration files and kafka.log.
    int port = 0;
    int controller_port = 0;
    std::vector<KafkaRelay> relays;
    std::vector<std::string> jvm_flags;
    std::stop_token give_up;
};

inline std::filesystem::path kafka_data_dir(const std::filesystem::path& directory) {
    return directory / "data";
}

// A key of all that determines the format of data/; data that was prepared under another key cannot
// be used.
std::string kafka_format_key();

// Prepares an empty data/ for its first start.
Status format_kafka(const KafkaPrograms& programs, const KafkaLaunch& launch);

// Returns once producers and consumer groups can work.
Result<process::ChildProcess> start_kafka(const KafkaPrograms& programs, const KafkaLaunch& launch,
                                          std::chrono::milliseconds timeout);

}  // namespace millrace::embedded
