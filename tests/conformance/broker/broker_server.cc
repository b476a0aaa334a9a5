#include "tests/conformance/broker/broker_server.h"

#include <array>
#include <string>

#include "common/base/check.h"
#include "common/broker/kafka/kafka_broker.h"
#include "tests/support/broker_fixtures.h"
#include "tests/support/memory_broker.h"

namespace millrace::test {
namespace {

using namespace std::chrono_literals;

// Other tests rest on this fake, so it must keep the contract too.
class MemoryServer final : public BrokerServer {
 public:
    // All callers share one broker; this forwards their calls.
    class Connection final : public broker::Broker {
     public:
        explicit Connection(MemoryBroker& broker) : broker_(broker) {}

        Status ensure_topics(const std::vector<broker::TopicSpec>& topics,
                             milliseconds timeout) override {
            return broker_.ensure_topics(topics, timeout);
        }
        std::unique_ptr<broker::Publisher> make_publisher() override {
            return broker_.make_publisher();
        }
        std::unique_ptr<broker::Subscriber> subscribe(
            const std::string& group, const std::vector<std::string>& topics) override {
            return broker_.subscribe(group, topics);
        }
        std::unique_ptr<broker::Subscriber> tail(const std::vector<std::string>& topics) override {
            return broker_.tail(topics);
        }

     private:
        MemoryBroker& broker_;
    };

    std::unique_ptr<broker::Broker> connect() override {
        return std::make_unique<Connection>(broker_);
    }
    void kill() override { broker_.set_away(true); }
    void restart_empty() override {
        broker_.wipe();
        broker_.set_away(false);
    }

 private:
    MemoryBroker broker_;
};

std::unique_ptr<broker::Broker> connect_to(const std::string& bootstrap,
                                           milliseconds session_timeout) {
    return broker::kafka::make_kafka_broker({.bootstrap = bootstrap,
                                             .client_id = "conformance",
                                             .fetch_wait_max = 10ms,
                                             .session_timeout = session_timeout,
                                             .heartbeat_interval = 500ms})
        .value();
}

class MockServer final : public BrokerServer {
 public:
    std::unique_ptr<broker::Broker> connect() override {
        return connect_to(fixture_.bootstrap(), 4s);
    }
    void kill() override { fixture_.server().kill(); }
    void restart_empty() override { fixture_.server().restart().value(); }

 private:
    MockBrokerFixture fixture_;
};

class KafkaServer final : public BrokerServer {
 public:
    std::unique_ptr<broker::Broker> connect() override {
        return connect_to(fixture_.bootstrap(), 6s);
    }
    void kill() override { fixture_.server().kill(); }
    void restart_empty() override { fixture_.server().wipe_and_restart().value(); }

 private:
    KafkaFixture fixture_;
};

template <class Server>
BrokerServer& shared() {
    static Server server;
    return server;
}

}  // namespace

std::string_view name(BrokerKind kind) {
    constexpr std::array<std::string_view, 3> kNames{"Memory", "MockCluster", "ApacheKafka"};
    return kNames.at(static_cast<std::size_t>(kind));
}

BrokerServer& shared_server(BrokerKind kind) {
    switch (kind) {
        case BrokerKind::kMemory:
            return shared<MemoryServer>();
        case BrokerKind::kMockCluster:
            return shared<MockServer>();
        case BrokerKind::kApacheKafka:
            return shared<KafkaServer>();
    }
    CHECK(false);
}

}  // namespace millrace::test
