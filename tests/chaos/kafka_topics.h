// Changes topics like an operator with Kafka's tools.
//
// Errors: std::runtime_error if Kafka refuses.
// Blocks: up to half a minute.
#pragma once

#include <string>

namespace millrace::chaos {

void delete_topic(const std::string& bootstrap, const std::string& topic);

// Creates the topic if it does not exist, and adds that many messages about jobs that do not exist.
void refill_topic(const std::string& bootstrap, const std::string& topic, int partitions,
                  int messages);

}  // namespace millrace::chaos
