#include "producer/cli/up/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "common/process/temporary_directory.h"

namespace millrace::cli::up {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

Plan plan_of(const UpOptions& options, const Environment& environment = {}) {
    auto plan = make_plan(options, environment);
    EXPECT_TRUE(plan.has_value()) << plan.error().message;
    return plan.has_value() ? *std::move(plan) : Plan();
}

std::string problem(const UpOptions& options, const Environment& environment = {}) {
    const auto plan = make_plan(options, environment);
    return plan.has_value() ? "" : plan.error().message;
}

class PlanTest : public testing::Test {
 protected:
    std::string write(const std::string& name, const std::string& text) {
        const auto path = directory_.path() / name;
        std::ofstream(path) << text;
        return path.string();
    }
    std::string write_model(const std::string& name) {
        return write(name, std::string("GGUF\3\0\0\0", 8));
    }

    process::TemporaryDirectory directory_ =
        process::TemporaryDirectory::make("millrace-plan-").value();
};

TEST_F(PlanTest, HasTheDefaultsIfNothingIsSet) {
    const auto plan = plan_of({});
    EXPECT_EQ(plan.host, "127.0.0.1");
    EXPECT_EQ(plan.port, 8080);
    ASSERT_THAT(plan.workers, SizeIs(1));
    EXPECT_EQ(plan.workers[0].name, "worker-1");
    EXPECT_THAT(plan.workers[0].tasks, IsEmpty());
    EXPECT_EQ(plan.workers[0].models_min, 1U);
    EXPECT_EQ(plan.workers[0].drain_timeout, std::chrono::seconds(5));
    EXPECT_THAT(plan.workers[0].settings,
                AllOf(Contains(Pair("MILLRACE_WORKER_NAME", "worker-1")),
                      Contains(Pair("MILLRACE_WORKER_DRAIN_TIMEOUT", "5s")),
                      Contains(Pair("MILLRACE_KAFKA_FETCH_WAIT_MAX", "10ms"))));
    EXPECT_THAT(plan.notes, IsEmpty());
}

TEST_F(PlanTest, TakesThePortFromWhereverItWasGiven) {
    const auto file = write("up.yaml", "gateway: {port: 1}");
    EXPECT_EQ(plan_of({.config = file}).port, 1);
    EXPECT_EQ(plan_of({.config = file}, {{"MILLRACE_GATEWAY_PORT", "2"}}).port, 2);
    EXPECT_EQ(plan_of({.config = file, .settings = {"gateway.port=3"}}).port, 3);
    EXPECT_EQ(plan_of({.port = 4, .config = file}, {{"MILLRACE_GATEWAY_PORT", "2"}}).port, 4);
    EXPECT_EQ(plan_of({.port = 4, .settings = {"gateway.port=4"}}).port, 4);
    EXPECT_THAT(problem({.port = 4, .settings = {"gateway.port=3"}}),
                HasSubstr("--port 4 and --set gateway.port=3 contradict each other"));
}

TEST_F(PlanTest, FindsEveryMistakeBeforeAnythingIsStarted) {
    EXPECT_THAT(problem({.settings = {"worker.slot=4", "job.ttl=5"}}, {{"MILLRACE_FOO", "1"}}),
                AllOf(HasSubstr("did you mean worker.slots? (from --set worker.slot)"),
                      HasSubstr("(from --set job.ttl)"),
                      HasSubstr("variable MILLRACE_FOO is not a setting")));
    EXPECT_THAT(problem({.models = {"/nonexistent.gguf"}}), HasSubstr("/nonexistent.gguf"));
    EXPECT_THAT(problem({.config = "/nonexistent.yaml"}), HasSubstr("--config /nonexistent.yaml"));
    EXPECT_THAT(problem({.config = "/dev/null"}), HasSubstr("not a regular file"));
    EXPECT_THAT(problem({.processes = {"python3 'x.py"}}),
                HasSubstr("--process \"python3 'x.py\": its quotes are not balanced"));
}

TEST_F(PlanTest, SaysEachMistakeOnce) {
    const auto text = problem({.settings = {"worker.slot=4"}});
    EXPECT_EQ(text.find("worker.slot is"), text.rfind("worker.slot is"));
}

TEST_F(PlanTest, NeverUsesAnotherSystemsServers) {
    EXPECT_THAT(problem({.settings = {"postgres.conninfo=host=db"}}),
                HasSubstr("--set postgres.conninfo: `up` sets that itself"));
    const auto plan = plan_of({.config = write("up.yaml", "kafka: {bootstrap: 'kafka:9092'}")},
                              {{"MILLRACE_POSTGRES_CONNINFO", "host=db password=secret"}});
    EXPECT_THAT(plan.notes,
                ElementsAre(AllOf(HasSubstr("postgres.conninfo (from variable MILLRACE_"),
                                  Not(HasSubstr("secret"))),
                            HasSubstr("kafka.bootstrap (from file")));
}

TEST_F(PlanTest, ListsOfOneSettingAddUp) {
    const auto a = write_model("a.gguf");
    const auto b = write_model("b,1.gguf");
    const auto plan =
        plan_of({.models = {a, b},
                 .settings = {"queues=default", "queues=images", "backend.llama.name=one,two"}});
    const auto& settings = plan.workers[0].settings;
    EXPECT_EQ(settings.at("MILLRACE_QUEUES"), "default,images");
    EXPECT_EQ(plan.settings.at("MILLRACE_QUEUES"), "default,images");
    EXPECT_THAT(plan.workers[0].tasks,
                ElementsAre("loading the model a.gguf", "loading the model b,1.gguf"));
    EXPECT_EQ(plan.workers[0].models_min, 1U);
    EXPECT_TRUE(plan.kinds.prompts);
}

TEST_F(PlanTest, EachFurtherProgramHasAWorkerOfItsOwn) {
    const auto plan = plan_of({.workers = 2,
                               .backend_urls = {"http://127.0.0.1:1/v1;slots=3"},
                               .processes = {"python3 'my models/a.py'", "b --x 1,2"}});
    ASSERT_THAT(plan.workers, SizeIs(4));
    const auto& first = plan.workers[0];
    EXPECT_EQ(first.settings.at("MILLRACE_BACKEND_PROCESS_COMMAND"), "python3,my models/a.py");
    EXPECT_THAT(first.tasks,
                ElementsAre("asking http://127.0.0.1:1/v1", "starting python3 'my models/a.py'"));
    const auto& second = plan.workers[1];
    EXPECT_EQ(second.name, "worker-2");
    EXPECT_EQ(second.settings.at("MILLRACE_BACKEND_PROCESS_COMMAND"), R"(b,--x,1\,2)");
    EXPECT_EQ(second.settings.at("MILLRACE_BACKEND_SYNTHETIC_ENABLED"), "false");
    EXPECT_EQ(second.settings.at("MILLRACE_BACKEND_OPENAI_URL"), "");
    EXPECT_THAT(second.tasks, ElementsAre("starting b --x 1,2"));
    EXPECT_EQ(second.models_min, 1U);
    EXPECT_TRUE(plan.kinds.prompts && plan.kinds.chats);
}

TEST_F(PlanTest, ShowsNoPasswordOfAUrl) {
    for (const auto* url : {"http://user:geheim@127.0.0.1:1/v1", "user:geheim@127.0.0.1:1/v1",
                            "http://a@b:geheim@127.0.0.1:1/v1"}) {
        const auto tasks = plan_of({.backend_urls = {url}}).workers[0].tasks;
        EXPECT_THAT(tasks,
                    ElementsAre(AllOf(HasSubstr("127.0.0.1:1/v1"), Not(HasSubstr("geheim")))));
    }
    EXPECT_THAT(plan_of({.backend_urls = {"http://127.0.0.1:1/v1?x=a@b"}}).workers[0].tasks,
                ElementsAre("asking http://127.0.0.1:1/v1?x=a@b"));
}

TEST_F(PlanTest, ShowsNoValueOfAVariable) {
    ::setenv("MILLRACE_TEST_TOKEN", "geheim", 1);
    const auto plan = plan_of({.processes = {"python3 x.py --token $MILLRACE_TEST_TOKEN"}});
    ::unsetenv("MILLRACE_TEST_TOKEN");
    const auto& worker = plan.workers[0];
    EXPECT_EQ(worker.settings.at("MILLRACE_BACKEND_PROCESS_COMMAND"),
              "python3,x.py,--token,geheim");
    EXPECT_THAT(worker.tasks, ElementsAre("starting python3 x.py --token $MILLRACE_TEST_TOKEN"));
}

TEST_F(PlanTest, ProgramsGetTheEnvironmentButNoSettings) {
    const auto plan = plan_of({.processes = {"python3 x.py"},
                               .settings = {"backend.process.environment=A=1",
                                            "backend.process.environment=HF_HOME=/mine"}},
                              {{"HF_HOME", "/hf"},
                               {"CUDA_VISIBLE_DEVICES", "0"},
                               {"PGHOST", "db,1"},
                               {"MILLRACE_BACKEND_OPENAI_API_KEY", "secret"},
                               {"BASH_FUNC_x%%", "() { :; }"}});
    const auto& settings = plan.workers[0].settings;
    EXPECT_EQ(settings.at("MILLRACE_BACKEND_PROCESS_ENVIRONMENT"),
              R"(CUDA_VISIBLE_DEVICES,HF_HOME,PGHOST=db\,1,A=1,HF_HOME=/mine)");
}

TEST_F(PlanTest, ServesTheBackendsOfAFile) {
    const auto file = write("up.yaml",
                            "backend:\n  process: {command: [python3, x.py]}\n"
                            "worker: {drain_timeout: 1m}\n");
    const auto plan = plan_of({.config = file});
    EXPECT_EQ(plan.config_file, file);
    EXPECT_THAT(plan.workers[0].tasks, ElementsAre("starting python3 x.py"));
    EXPECT_EQ(plan.workers[0].models_min, 1U);
    EXPECT_FALSE(plan.workers[0].settings.contains("MILLRACE_WORKER_DRAIN_TIMEOUT"));
    EXPECT_EQ(plan.workers[0].drain_timeout, std::chrono::minutes(1));
    EXPECT_TRUE(plan.kinds.prompts);
}

TEST_F(PlanTest, TakesAnAddressInBrackets) {
    EXPECT_EQ(plan_of({.settings = {"gateway.host=[::1]"}}).host, "::1");
}

TEST_F(PlanTest, KnowsWhatTheGatewayReadsOnlyAtItsStart) {
    const auto file = write("up.yaml", "gateway: {threads: 1}\nworker: {slots: 1}");
    const auto before = plan_of({.config = file});
    write("up.yaml", "gateway: {threads: 2}\nworker: {slots: 2}");
    EXPECT_THAT(changed_for_gateway(before, plan_of({.config = file})),
                ElementsAre("gateway.threads"));
}

TEST(UrlOf, IsWhereThisMachineReachesIt) {
    EXPECT_EQ(url_of("127.0.0.1", 1), "http://127.0.0.1:1");
    EXPECT_EQ(url_of("0.0.0.0", 1), "http://127.0.0.1:1");
    EXPECT_EQ(url_of("::1", 1), "http://[::1]:1");
    EXPECT_EQ(url_of("::", 1), "http://[::1]:1");
    EXPECT_EQ(url_of("10.0.0.1", 1), "http://10.0.0.1:1");
}

}  // namespace
}  // namespace millrace::cli::up
