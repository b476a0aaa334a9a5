#include "tests/support/broker_fixtures.h"

namespace millrace::test {

KafkaFixture::KafkaFixture()
    : directory_(process::TemporaryDirectory::make("millrace-test-").value()),
      server_(embedded::ApacheKafka::start({.directory = directory_.path() / "kafka"}).value()) {}

MockBrokerFixture::MockBrokerFixture() : server_(embedded::MockBroker::start().value()) {}

}  // namespace millrace::test
