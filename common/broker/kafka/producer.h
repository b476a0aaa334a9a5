// The one producer of a broker object: what publishers send through, and whom topic creation asks.
// Internal to the module.
//
// Nobody waits for acknowledgements: messages that are given up are counted and logged.
//
// Threads:   thread-safe.
// Blocks:    flush() only.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/broker/broker.h"
#include "common/broker/kafka/handle.h"

namespace millrace::broker {

class Producer {
 public:
    // The errors of Handle::make.
    static Result<std::shared_ptr<Producer>> make(const Properties& properties,
                                                  const Properties& extra);

    std::size_t publish(const std::vector<OutgoingMessage>& messages);
    void flush(milliseconds timeout);

    // Made at the first call, kept as long as this. Makes the client look the topic up at once; the
    // first message to a topic without one waits up to a second.
    rd_kafka_topic_t* topic(const std::string& name);

    const Handle& handle() const { return *handle_; }

 private:
    Producer() = default;

    // Runs the callbacks that wait.
    void serve();
    void undelivered(const std::string& topic, rd_kafka_resp_err_t error);

    std::unique_ptr<Handle> handle_;

    std::mutex mutex_;
    // Guarded by mutex_; destroyed before the handle.
    std::unordered_map<std::string, Owned<rd_kafka_topic_t>> topics_;
};

}  // namespace millrace::broker
