// Fresh brokers for tests, on free ports, removed with the fixture.
//
// The constructors throw std::runtime_error, which fails the test with the message: missing jars
// (deploy/fetch-kafka.sh) are a failure, never a skipped test.
//
// Threads: one caller at a time.
#pragma once

#include <memory>
#include <string>

#include "common/embedded/apache_kafka.h"
#include "common/embedded/mock_broker.h"
#include "common/process/temporary_directory.h"

namespace millrace::test {

// Apache Kafka itself, empty. Starts in about a second.
class KafkaFixture {
 public:
    KafkaFixture();
    KafkaFixture(const KafkaFixture&) = delete;
    KafkaFixture& operator=(const KafkaFixture&) = delete;

    std::string bootstrap() const { return server_->bootstrap(); }
    embedded::ApacheKafka& server() { return *server_; }

 private:
    process::TemporaryDirectory directory_;
    std::unique_ptr<embedded::ApacheKafka> server_;
};

// The program millrace-broker, empty.
class MockBrokerFixture {
 public:
    MockBrokerFixture();
    MockBrokerFixture(const MockBrokerFixture&) = delete;
    MockBrokerFixture& operator=(const MockBrokerFixture&) = delete;

    std::string bootstrap() const { return server_->bootstrap(); }
    embedded::MockBroker& server() { return *server_; }

 private:
    std::unique_ptr<embedded::MockBroker> server_;
};

}  // namespace millrace::test
