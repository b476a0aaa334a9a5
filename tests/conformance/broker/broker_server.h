// A broker that a conformance test can kill and bring back, and a way to reach it.
//
// Threads:   one caller at a time.
#pragma once

#include <memory>
#include <string_view>

#include "common/broker/broker.h"

namespace millrace::test {

class BrokerServer {
 public:
    virtual ~BrokerServer() = default;

    // Each call makes a new Broker, because another process would have its own.
    virtual std::unique_ptr<broker::Broker> connect() = 0;

    virtual void kill() = 0;
    virtual void restart_empty() = 0;
};

enum class BrokerKind { kMemory, kMockCluster, kApacheKafka };

std::string_view name(BrokerKind kind);

// Returns the one server of each kind for the whole run; the first call starts it.
BrokerServer& shared_server(BrokerKind kind);

}  // namespace millrace::test
