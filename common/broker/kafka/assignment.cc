#include "common/broker/kafka/assignment.h"

namespace millrace::broker {

Assignment::Orders Assignment::add(const std::vector<TopicPartition>& partitions) {
    Orders orders;
    for (const auto& partition : partitions) {
        partitions_.insert(partition);
        if (paused_topics_.contains(partition.topic)) {
            // Again, also where the flag should still be there: it is gone if the topic was.
            paused_.insert(partition);
            orders.pause.push_back(partition);
        } else if (paused_.erase(partition) > 0) {
            orders.resume.push_back(partition);
        }
    }
    return orders;
}

void Assignment::remove(const std::vector<TopicPartition>& partitions) {
    for (const auto& partition : partitions) partitions_.erase(partition);
}

Assignment::Orders Assignment::pause(const std::string& topic) {
    Orders orders;
    if (!paused_topics_.insert(topic).second) return orders;
    for (const auto& partition : partitions_) {
        if (partition.topic != topic) continue;
        if (paused_.insert(partition).second) orders.pause.push_back(partition);
    }
    return orders;
}

Assignment::Orders Assignment::resume(const std::string& topic) {
    Orders orders;
    if (paused_topics_.erase(topic) == 0) return orders;
    for (const auto& partition : partitions_) {
        if (partition.topic != topic) continue;
        if (paused_.erase(partition) > 0) orders.resume.push_back(partition);
    }
    return orders;
}

}  // namespace millrace::broker
