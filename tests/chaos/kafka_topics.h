// Topics as an operator with Kafka's tools treats them.
//
// Errors: std::runtime_error where Kafka does not do it.
// Blocks: up to half a minute.
#pragma once

#include <string>

namespace millrace::chaos {

void delete_topic(const std::string& bootstrap, const std::string& topic);

// Makes the topic, if it is not there, and puts in that many messages about jobs that do not exist.
void refill_topic(const std::string& bootstrap, const std::string& topic, int partitions,
                  int messages);

}  // namespace millrace::chaos
