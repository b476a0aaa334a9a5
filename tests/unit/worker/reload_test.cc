#include "worker/app/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/process/temporary_directory.h"

namespace millrace::worker {
namespace {

using config::Setting;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ReloadedSettings : public testing::Test {
 protected:
    void write(const std::string& text) { std::ofstream(sources_.file) << text; }
    config::Config load() { return config::load(config::Program::kWorker, sources_).value(); }

    process::TemporaryDirectory folder_ = *process::TemporaryDirectory::make("millrace-test-");
    config::Sources sources_{.file = (folder_.path() / "millrace.yaml").string()};
};

TEST_F(ReloadedSettings, AreThoseOfTheFileNow) {
    write("backend: {oip: {url: [http://one]}}");
    const auto running = load();
    write("backend: {oip: {url: [http://two]}}\nworker: {slots: 7}");
    const auto reloaded = reload(running, sources_).value();
    EXPECT_THAT(reloaded.config.get<Setting::kBackendOipUrl>(), ElementsAre("http://two"));
    EXPECT_EQ(reloaded.config.get<Setting::kWorkerSlots>(), 7);
    EXPECT_THAT(reloaded.need_restart, IsEmpty());
}

TEST_F(ReloadedSettings, OfTheWholeProcessRemainAndAreNamed) {
    write("kafka: {topic_prefix: old}\nworker: {port: 7000}");
    const auto running = load();
    write("kafka: {topic_prefix: new}\nworker: {port: 7001}\nlog: {level: debug}");
    const auto reloaded = reload(running, sources_).value();
    EXPECT_EQ(reloaded.config.get<Setting::kKafkaTopicPrefix>(), "old");
    EXPECT_EQ(reloaded.config.get<Setting::kWorkerPort>(), 7000);
    EXPECT_EQ(reloaded.config.get<Setting::kLogLevel>(), "info");
    EXPECT_THAT(reloaded.need_restart,
                ElementsAre("kafka.topic_prefix", "log.level", "worker.port"));
}

TEST_F(ReloadedSettings, AreRefusedIfWrong) {
    write("worker: {slots: many}");
    const auto wrong = reload(config::Config(), sources_);
    ASSERT_FALSE(wrong.has_value());
    EXPECT_THAT(wrong.error().message, HasSubstr("worker.slots"));
}

TEST_F(ReloadedSettings, AreTheSameWithoutAFile) {
    const config::Sources sources{.environment = {"MILLRACE_WORKER_SLOTS=3"}};
    const auto running = config::load(config::Program::kWorker, sources).value();
    const auto reloaded = reload(running, sources).value();
    EXPECT_EQ(reloaded.config.get<Setting::kWorkerSlots>(), 3);
    EXPECT_TRUE(reloaded.need_restart.empty());
}

}  // namespace
}  // namespace millrace::worker
