// Lets Apache Kafka start in one second instead of two and a half: a formatted data directory to
// copy, in which groups already work, and a class-data archive for the virtual machine. One process
// at a time makes it, once, in the cache, in about ten seconds. Internal to the module.
//
// Blocks: while this process or another makes the kit.
#pragma once

#include <filesystem>
#include <stop_token>

#include "common/base/result.h"
#include "common/embedded/kafka_process.h"

namespace millrace::embedded {

struct KafkaStartKit {
    std::filesystem::path data;  // To copy into a new broker's directory.
    std::filesystem::path
        archive;  // For -XX:SharedArchiveFile; ignored by Java if it does not fit.
};

// Errors: those of starting Kafka, including kCancelled; kUnavailable if the cache cannot be
// written.
Result<KafkaStartKit> kafka_start_kit(const KafkaPrograms& programs,
                                      const std::stop_token& give_up);

}  // namespace millrace::embedded
