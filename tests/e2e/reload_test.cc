// A worker that reads its settings again on SIGHUP.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "tests/e2e/stack.h"
#include "tests/support/eventually.h"

namespace millrace::test {
namespace {

constexpr std::chrono::seconds kPatience{60};  // Only a broken test waits this long.

class ReloadTest : public testing::Test {
 protected:
    ReloadTest() {
        write_settings("models: [first]");
        stack_.start_worker({.arguments = {"--config", path("worker.yaml")}});
        stack_.wait_for_workers(1);
    }

    std::string path(const std::string& name) const { return stack_.directory() / name; }
    // The job's program is the one of the process backend's own tests.
    void write_settings(const std::string& more) {
        const std::string source = std::getenv("MILLRACE_SOURCE");
        std::ofstream(path("worker.yaml")) << fmt::format(
            "backend:\n  process:\n"
            "    command: [python3, {0}/tests/integration/backends/programs/obedient.py]\n"
            "    environment: [PYTHONPATH={0}/worker/python]\n    {1}\n",
            source, more);
    }
    void reload() { stack_.worker(0).send(SIGHUP); }
    Json alive_worker() {
        const auto workers = stack_.call("GET", "/v1/workers")["data"];
        const auto alive = std::find_if(workers.begin(), workers.end(),
                                        [](const auto& row) { return row["state"] == "alive"; });
        return alive == workers.end() ? Json() : *alive;
    }
    void wait_until_served(const std::string& model) {
        const auto serves = [&] {
            const auto worker = alive_worker();
            return !worker.is_null() && worker["models"] == Json({model});
        };
        EXPECT_TRUE(eventually(serves, "the worker serves " + model)) << stack_.logs();
    }
    bool said(const std::string& text) { return stack_.logs().find(text) != std::string::npos; }
    std::string submit(const std::string& model, const Json& input = Json::object()) {
        return stack_.submit({{"model", model}, {"input", input}});
    }

    Stack stack_{{.workers = 0}};
};

TEST_F(ReloadTest, NewModelsAreServedWhileOldJobsContinue) {
    ASSERT_EQ(::mkfifo(path("gate").c_str(), 0600), 0);
    const auto old = submit("first", {{"do", "pass"}, {"gate", path("gate")}});
    stack_.wait_until_status(old, "in_progress");

    write_settings("models: [second]\n    devices: [\"0\"]");
    reload();
    wait_until_served("second");
    EXPECT_EQ(alive_worker()["devices"], Json({"process:0"}));
    EXPECT_EQ(stack_.wait_until_final(submit("second"))["status"], "completed");

    EXPECT_EQ(stack_.job(old)["status"], "in_progress");
    ::close(::open(path("gate").c_str(), O_WRONLY | O_CLOEXEC));  // Lets the job pass.
    const auto done = stack_.wait_until_final(old);
    EXPECT_EQ(done["status"], "completed");
    EXPECT_EQ(done["attempt"], 1);
    EXPECT_EQ(done["interruptions"], 0);
}

TEST_F(ReloadTest, SettingsThatCannotBeServedChangeNothing) {
    write_settings("devices: [\"cuda:0\"]");
    reload();
    EXPECT_TRUE(eventually([&] { return said("'cuda:0' is not a device"); })) << stack_.logs();
    write_settings("start_timeout: 100ms\n    memory_max: 1KiB");
    reload();
    EXPECT_TRUE(eventually([&] { return said("did not start: "); })) << stack_.logs();
    EXPECT_TRUE(said("not reloaded; keeping the current settings"));
    EXPECT_EQ(stack_.wait_until_final(submit("first"))["status"], "completed");
    stack_.worker(0).send(SIGTERM);
    EXPECT_TRUE(stack_.worker(0).wait(kPatience)->ok());
}

}  // namespace
}  // namespace millrace::test
