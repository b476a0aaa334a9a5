// A librdkafka consumer with one queue per topic, so that a topic is paused by not reading its
// queue. The owner decides what to read, with subscribe() or assign(). Internal to the module.
//
// The library's own pause discards messages already fetched, resumes only after the fetch in
// progress (up to fetch.wait.max.ms), rewinds partitions that were not paused, and keeps the flags
// of revoked partitions (all seen with 2.0.2). Here a paused topic keeps what was fetched, up to
// queued.min.messages, and resuming costs nothing.
//
// Threads:   one caller at a time, except for leave().
// Blocks:    poll(), up to its timeout; the destructor, without bound: see destroy_within.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/broker/broker.h"
#include "common/broker/kafka/doorbell.h"
#include "common/broker/kafka/handle.h"

namespace millrace::broker::kafka {

class Consumer {
 public:
    // The errors of Handle::make.
    static Result<std::unique_ptr<Consumer>> make(const Properties& properties,
                                                  const Properties& extra,
                                                  const std::vector<std::string>& topics);
    // Leaves the group, commits the offsets that are done, and gives back all partitions. A
    // consumer that is about to get its first partitions waits for them.
    ~Consumer();

    // Joins the group and shares all topics; a missing topic is read as soon as it exists.
    void subscribe();
    // Also reads these partitions, starting at `offset`: RD_KAFKA_OFFSET_BEGINNING or _END.
    void assign(const std::string& topic, const std::vector<std::int32_t>& partitions,
                std::int64_t offset);

    std::vector<IncomingMessage> poll(std::size_t max, milliseconds timeout);
    void done(const std::string& topic, std::int32_t partition, std::int64_t offset);
    void set_paused(const std::string& topic, bool paused);

    // Starts leaving the group; poll() or the destructor completes it. Idempotent.
    void leave();

    const Handle& handle() const { return *handle_; }

 private:
    struct TopicQueue {
        std::string topic;
        Owned<rd_kafka_queue_t> queue;
        bool paused = false;
    };

    Consumer() = default;

    TopicQueue* find(const std::string& topic);
    void route(const rd_kafka_topic_partition_list_t& partitions);
    void rebalance(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t& partitions);
    // Whether the group has accepted the consumer, and never assigned anything to it.
    bool is_half_joined() const;
    void serve();
    void take(std::vector<IncomingMessage>& messages, std::size_t max);
    bool take_turn(TopicQueue& from, std::vector<IncomingMessage>& messages, std::size_t max);
    void report(rd_kafka_resp_err_t error, const char* text);

    Doorbell doorbell_;  // The library's threads ring it.
    std::unique_ptr<Handle> handle_;
    Owned<rd_kafka_queue_t> events_;  // Rebalances, errors.
    std::vector<TopicQueue> queues_;
    int assigned_ = 0;           // Partitions.
    bool was_assigned_ = false;  // Any number of partitions, even none.
};

// Destroys the consumer on its own thread. Returns false if that takes longer than `deadline`: the
// consumer and its threads are then left behind, because the destructor of librdkafka 2.0.2 may
// never return.
bool destroy_within(std::unique_ptr<Consumer> consumer, milliseconds deadline);

}  // namespace millrace::broker::kafka
