// The one producer of a broker object: what publishers send through, and whom topic creation asks.
// Internal to the module.
//
// Nobody waits for acknowledgements: messages that are given up are counted and logged.
//
// Threads:   thread-safe.
// Blocks:    flush() up to its timeout; nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/broker/broker.h"
#include "common/broker/kafka/handle.h"
#include "common/broker/kafka/spread.h"

namespace millrace::broker {

class Producer {
 public:
    // The errors of Handle::make.
    static Result<std::shared_ptr<Producer>> make(const Properties& properties,
                                                  const Properties& extra);

    std::size_t publish(const std::vector<OutgoingMessage>& messages);
    void flush(milliseconds timeout);

    // The library's handle of a topic, made at the first call and kept as long as this. With it the
    // topic is looked up at once; without, the first message to it waits up to a second.
    rd_kafka_topic_t* topic(const std::string& name);

    const Handle& handle() const { return *handle_; }

 private:
    Producer() = default;

    struct Topic {
        Owned<rd_kafka_topic_t> handle;
        Spread spread;
        std::uint64_t batch = 0;  // The last one with a message to it.
    };

    Topic& topic_locked(const std::string& name);
    void undelivered(const std::string& topic, rd_kafka_resp_err_t error);

    std::unique_ptr<Handle> handle_;

    std::mutex mutex_;
    // Guarded by mutex_. The topics are destroyed before the handle.
    std::unordered_map<std::string, Topic> topics_;
    std::uint64_t batch_ = 0;
};

}  // namespace millrace::broker
