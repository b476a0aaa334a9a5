// Starting, losing and restarting the broker. The broker module's conformance suite covers how it
// handles records.
#include "common/embedded/apache_kafka.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "common/embedded/kafka_probe.h"
#include "common/process/temporary_directory.h"
#include "tests/support/broker_fixtures.h"

namespace millrace::embedded {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

int port_of(const std::string& bootstrap) {
    return std::stoi(bootstrap.substr(bootstrap.rfind(':') + 1));
}

class ApacheKafkaTest : public testing::Test {
 protected:
    bool ready() const { return kafka_coordinator_ready(port_of(kafka_->bootstrap())); }
    fs::path marker() const { return kafka_data_dir(directory_.path()) / "marker"; }

    process::TemporaryDirectory directory_ =
        process::TemporaryDirectory::make("millrace-test-").value();
    std::unique_ptr<ApacheKafka> kafka_ =
        ApacheKafka::start({.directory = directory_.path()}).value();
};

TEST_F(ApacheKafkaTest, IsReadyWhenStarted) {
    EXPECT_THAT(kafka_->bootstrap(), StartsWith("127.0.0.1:"));
    EXPECT_TRUE(kafka_->running());
    EXPECT_TRUE(ready());
}

TEST_F(ApacheKafkaTest, ComesBackOnTheSamePortAfterAKill) {
    const std::string bootstrap = kafka_->bootstrap();
    std::ofstream(marker()) << "x";
    kafka_->kill();
    EXPECT_FALSE(kafka_->running());
    EXPECT_FALSE(ready());
    ASSERT_TRUE(kafka_->restart().has_value());
    EXPECT_EQ(kafka_->bootstrap(), bootstrap);
    EXPECT_TRUE(ready());
    EXPECT_TRUE(fs::exists(marker()));
}

TEST_F(ApacheKafkaTest, ComesBackAfterAStop) {
    kafka_->stop();
    kafka_->stop();
    EXPECT_FALSE(kafka_->running());
    ASSERT_TRUE(kafka_->restart().has_value());
    EXPECT_TRUE(ready());
}

TEST_F(ApacheKafkaTest, ComesBackEmptyAfterAWipe) {
    const std::string bootstrap = kafka_->bootstrap();
    std::ofstream(marker()) << "x";
    ASSERT_TRUE(kafka_->wipe_and_restart().has_value());
    EXPECT_EQ(kafka_->bootstrap(), bootstrap);
    EXPECT_TRUE(ready());
    EXPECT_FALSE(fs::exists(marker()));
}

TEST(ApacheKafka, SendsClientsOfARelayBackThroughIt) {
    const auto directory = process::TemporaryDirectory::make("millrace-test-").value();
    const auto relay = process::PortReservation::any().value();
    const auto kafka =
        ApacheKafka::start({.directory = directory.path(), .relays = {relay.port()}}).value();
    // The broker names itself as the coordinator of a group, under the address of the relay.
    EXPECT_TRUE(kafka_coordinator_ready(kafka->relay_target(0)));
    EXPECT_NE(kafka->relay_target(0), relay.port());
}

TEST(ApacheKafka, NamesTheScriptThatFetchesMissingJars) {
    const auto cache = process::TemporaryDirectory::make("millrace-test-").value();
    const char* before = std::getenv("MILLRACE_CACHE");
    const std::string saved = before == nullptr ? "" : before;
    ::setenv("MILLRACE_CACHE", cache.path().c_str(), 1);
    const auto kafka = ApacheKafka::start({.directory = cache.path() / "kafka"});
    before == nullptr ? ::unsetenv("MILLRACE_CACHE") : ::setenv("MILLRACE_CACHE", saved.c_str(), 1);
    ASSERT_FALSE(kafka.has_value());
    EXPECT_EQ(kafka.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(kafka.error().message, HasSubstr("deploy/fetch-kafka.sh"));
}

}  // namespace
}  // namespace millrace::embedded
