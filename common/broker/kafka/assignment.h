// Which partitions a consumer has, and which of them are paused: by topic for the caller, by
// partition for librdkafka. Internal to the module.
//
// librdkafka keeps a partition's pause flag while the partition is away, so one that comes back may
// be paused though its topic is not; and resuming one that is not paused rewinds it (both seen with
// 2.0.2). So this remembers every partition that was ever paused and not resumed.
//
// Threads:   one caller at a time. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/broker/kafka/topic_partition.h"

namespace millrace::broker {

class Assignment {
 public:
    // What librdkafka must be told so that partitions flow, or not, as their topics should.
    struct Orders {
        std::vector<TopicPartition> pause;
        std::vector<TopicPartition> resume;
    };

    Orders add(const std::vector<TopicPartition>& partitions);
    void remove(const std::vector<TopicPartition>& partitions);

    Orders pause(const std::string& topic);
    Orders resume(const std::string& topic);

    const std::set<TopicPartition>& partitions() const { return partitions_; }

 private:
    std::set<TopicPartition> partitions_;
    std::set<std::string> paused_topics_;
    std::set<TopicPartition> paused_;  // As far as librdkafka knows, assigned or not.
};

}  // namespace millrace::broker
