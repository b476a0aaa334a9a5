// The only producer of a broker object: publishers send through it, and topics are created with it.
// Internal to the module.
//
// Nobody waits for acknowledgements: messages that are given up are counted and logged.
//
// Threads:   thread-safe.
// Blocks:    flush() up to its timeout; nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/broker/broker.h"
#include "common/broker/kafka/handle.h"
#include "common/broker/kafka/spread.h"

namespace millrace::broker::kafka {

class Producer {
 public:
    // The errors of Handle::make.
    static Result<std::shared_ptr<Producer>> make(const Properties& properties,
                                                  const Properties& extra);

    std::size_t publish(const std::vector<OutgoingMessage>& messages);
    void flush(milliseconds timeout);

    // The library's handle for a topic, made on the first call and kept for the life of this
    // object. Making it looks the topic up at once; otherwise the first message waits up to a
    // second for that.
    rd_kafka_topic_t* topic(const std::string& name);

    const Handle& handle() const { return *handle_; }

 private:
    Producer() = default;

    struct Topic {
        Owned<rd_kafka_topic_t> handle;
        Spread spread;
        std::uint64_t batch = 0;  // The last batch with a message to this topic.
    };

    Topic& topic_locked(const std::string& name) REQUIRES(mutex_);
    void undelivered(const std::string& topic, rd_kafka_resp_err_t error);

    std::unique_ptr<Handle> handle_;

    Mutex mutex_;
    // The topics are destroyed before the handle.
    std::unordered_map<std::string, Topic> topics_ GUARDED_BY(mutex_);
    std::uint64_t batch_ GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::broker::kafka
