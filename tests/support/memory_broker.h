// A broker in memory, for tests and simulations; it must pass the suite in
// tests/conformance/broker. Messages arrive at once, in the order of publication; members that come
// and go are noticed at the next poll. It can lose new messages, and everything it ever had.
//
// Threads:   as broker.h says. Blocks: poll(), up to its timeout, on the machine's clock.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/broker/broker.h"

namespace millrace::test {

class MemoryBroker : public broker::Broker {
 public:
    MemoryBroker();
    ~MemoryBroker() override;

    // While away, it delivers and creates nothing, and loses what is published.
    void set_away(bool away);
    // Forgets topics, messages and offsets.
    void wipe();
    // All values so far; for assertions.
    std::vector<std::string> values(const std::string& topic) const;
    bool has_topic(const std::string& topic) const;

    Status ensure_topics(const std::vector<broker::TopicSpec>& topics,
                         milliseconds timeout) override;
    std::unique_ptr<broker::Publisher> make_publisher() override;
    std::unique_ptr<broker::Subscriber> subscribe(const std::string& group,
                                                  const std::vector<std::string>& topics) override;
    std::unique_ptr<broker::Subscriber> tail(const std::vector<std::string>& topics) override;

 private:
    struct State;
    class MemoryPublisher;
    class MemorySubscriber;

    const std::shared_ptr<State> state_;
};

}  // namespace millrace::test
