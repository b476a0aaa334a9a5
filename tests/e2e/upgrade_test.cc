// Programs of two versions on one database (docs/upgrades.md): those of $PREVIOUS_PROGRAMS, which
// `make test-upgrade` builds of an earlier commit, and those of this build.

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "common/http/sse_parser.h"
#include "common/process/program.h"
#include "tests/e2e/stack.h"

namespace millrace::test {
namespace {

constexpr std::size_t kEventBytesMax = 1 << 20;
constexpr std::chrono::minutes kPatience{1};

Json job_in(const std::string& queue, const Json& behaviour = Json::object()) {
    auto job = synthetic_job(behaviour);
    job["queue"] = queue;
    return job;
}

class Upgrade : public testing::Test {
 protected:
    // What is numbered 0 is of the previous version, 1 of this one. Each worker serves a queue of
    // its own, and both the default one.
    static constexpr std::size_t kPrevious = 0;
    static constexpr std::size_t kCurrent = 1;
    const std::vector<std::string> queues_{"previous", "current"};

    void SetUp() override {
        const char* folder = std::getenv("PREVIOUS_PROGRAMS");
        if (folder == nullptr) GTEST_FAIL() << "PREVIOUS_PROGRAMS is not set: make test-upgrade";
        folders_ = {folder, process::find_own_program("millrace")->parent_path()};
        stack_ = std::make_unique<Stack>(
            StackOptions{.gateways = 0,
                         .workers = 0,
                         .settings = {{"queues", "default,previous,current"}},
                         .is_migrated = false});
    }

    void migrate(std::size_t version) {
        const auto status = stack().migrate(folders_[version])->wait(kPatience);
        ASSERT_TRUE(status && status->ok()) << stack().logs();
    }
    void start(std::size_t version) {
        EXPECT_EQ(stack().start_gateway({.folder = folders_[version]}), version);
        EXPECT_EQ(stack().start_worker({.settings = {{"queues", "default," + queues_[version]}},
                                        .folder = folders_[version]}),
                  version);
    }
    void start_again(std::size_t version) {
        stack().restart_gateway(version);
        stack().restart_worker(version);
    }
    // As whoever replaces a program does, and while it has work.
    void stop(std::size_t version) {
        submit(20, "default", {{"ms", 100}});
        EXPECT_TRUE(stack().worker(version).terminate(kPatience).ok()) << stack().logs();
        EXPECT_TRUE(stack().gateway(version).terminate(kPatience).ok()) << stack().logs();
    }

    void expect_ready() { stack().call("GET", "/readyz"); }
    void submit(int count, const std::string& queue, const Json& behaviour = Json::object()) {
        Json jobs = Json::array();
        for (int i = 0; i < count; ++i) jobs.push_back(job_in(queue, behaviour));
        for (auto& id : stack().submit_many(jobs)) jobs_.push_back(std::move(id));
    }
    // Whatever either gateway takes either worker runs, and both gateways tell its end.
    void run_the_mix() {
        stack().wait_for_workers(2);
        for (const auto gateway : {kPrevious, kCurrent}) {
            for (const auto worker : {kPrevious, kCurrent}) {
                stack().call_gateway(gateway);
                submit(10, "default");
                const auto id = stack().submit(job_in(
                    queues_[worker], {{"ms", 300}, {"partials", 10}, {"output_bytes", 200}}));
                jobs_.push_back(id);
                stack().call_gateway(1 - gateway);
                const auto text = text_of_events(id);
                for (const auto reader : {kPrevious, kCurrent}) {
                    stack().call_gateway(reader);
                    expect_ready();
                    EXPECT_EQ(stack().wait_until_final(id)["output"]["choices"][0]["text"], text);
                    EXPECT_EQ(stack().worker_of(id), worker);
                }
            }
        }
        expect_all_done();
    }
    // Every job that was ever submitted has completed, and just one attempt of it was not put back.
    void expect_all_done() {
        for (const auto& id : jobs_) {
            const auto job = stack().wait_until_final(id);
            EXPECT_EQ(job["status"], "completed") << job;
            EXPECT_EQ(job["failures"], 0) << job;
            EXPECT_EQ(job["attempt"].get<int>() - job["interruptions"].get<int>(), 1) << job;
        }
    }
    const std::filesystem::path& folder(std::size_t version) const { return folders_.at(version); }
    Stack& stack() { return *stack_; }

    std::vector<std::string> jobs_;

 private:
    // What a client puts together of the events, from a gateway that may be of another version.
    std::string text_of_events(const std::string& id) {
        http::SseParser parser(kEventBytesMax);
        std::vector<http::ServerEvent> events;
        std::string text;
        std::string last;
        const auto answer = http_.stream({.url = stack().url() + "/v1/jobs/" + id + "/events"},
                                         [&](std::string_view bytes) {
                                             EXPECT_TRUE(parser.feed(bytes, events));
                                             return true;
                                         });
        EXPECT_TRUE(answer.has_value());
        for (const auto& event : events) {
            const auto data = Json::parse(event.data);
            last = event.type;
            if (event.type == "job.created" || event.type == "job.started") text.clear();
            if (event.type == "job.output.delta") text += data["delta"].get<std::string>();
            if (event.type == "job.completed" && text.empty()) {
                text = data["job"]["output"]["choices"][0]["text"].get<std::string>();
            }
        }
        EXPECT_EQ(last, "job.completed");
        return text;
    }

    std::vector<std::filesystem::path> folders_;
    std::unique_ptr<Stack> stack_;
    http::Client http_;
};

TEST_F(Upgrade, RollsForwardAndBackWhileJobsRun) {
    migrate(kPrevious);
    start(kPrevious);
    stack().wait_for_workers(1);
    expect_ready();

    // The schema moves on beside them.
    submit(20, "default", {{"ms", 100}});
    const auto migration = stack().migrate(folder(kCurrent));
    while (migration->running()) {
        submit(1, "default");
        expect_ready();
    }
    EXPECT_TRUE(migration->wait(kPatience)->ok()) << stack().logs();
    expect_ready();
    submit(20, "default", {{"ms", 100}});
    expect_all_done();

    start(kCurrent);
    run_the_mix();
    stop(kPrevious);
    stack().call_gateway(kCurrent);
    submit(20, "default");
    expect_all_done();
    expect_ready();

    // And back: the previous programs start on the newer schema.
    start_again(kPrevious);
    run_the_mix();
    stack().call_gateway(kCurrent);
    stop(kCurrent);
    stack().call_gateway(kPrevious);
    submit(20, "default");
    expect_all_done();
    expect_ready();
}

}  // namespace
}  // namespace millrace::test
