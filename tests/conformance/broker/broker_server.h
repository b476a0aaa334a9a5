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

    // Another process would have a Broker of its own, so each call makes one.
    virtual std::unique_ptr<broker::Broker> connect() = 0;

    virtual void kill() = 0;
    virtual void restart_empty() = 0;
};

enum class BrokerKind { kMemory, kMockCluster, kApacheKafka };

std::string_view name(BrokerKind kind);

// One server of each kind for the whole run; started when it is first asked for.
BrokerServer& shared_server(BrokerKind kind);

}  // namespace millrace::test
