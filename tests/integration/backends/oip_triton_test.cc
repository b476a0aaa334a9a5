// The oip backend on a real NVIDIA Triton server, with models in Python on the CPU.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <map>

#include "common/process/temporary_directory.h"
#include "tests/integration/backends/model_server.h"
#include "tests/integration/backends/oip_fixture.h"
#include "tests/support/eventually.h"

namespace millrace::backends {
namespace {

using nlohmann::json;
using test::eventually;

// Returns an input for the model that opens the file that the input names.
std::string gate(const std::string& path, const std::string& more = "") {
    return fmt::format(
        R"({{"inputs":[{{"name":"pipe","datatype":"BYTES","shape":[1,1],"data":["{}"]{}}}]}})",
        path, more);
}

class Triton : public OipFixture {
 protected:
    // One server for all tests, because starting and stopping take seconds. Tests leave it as they
    // found it.
    static void SetUpTestSuite() { server_ = new auto(ModelServer::start_triton()); }
    static void TearDownTestSuite() { delete std::exchange(server_, nullptr); }

    void SetUp() override {
        if (is_there(*server_)) start({.base_urls = {server().url()}, .batch_max = 100});
    }
    static const ModelServer& server() { return ***server_; }

    // Returns how many requests the model has run, by their number of rows.
    static std::map<int, int> batches_of(const std::string& model) {
        const auto stats = json::parse(server().get("/v2/models/" + model + "/stats"));
        std::map<int, int> batches;
        for (const auto& batch : stats["model_stats"][0]["batch_stats"]) {
            batches[batch["batch_size"]] = batch["compute_infer"]["count"];
        }
        return batches;
    }

    static Result<std::unique_ptr<ModelServer>>* server_;
};

Result<std::unique_ptr<ModelServer>>* Triton::server_ = nullptr;

TEST_F(Triton, NamesItsModels) {
    EXPECT_EQ(backend_->info().models,
              (std::vector<std::string>{"double", "echo", "gate", "plain"}));
}

TEST_F(Triton, AnswersAJobAsItAnswersARequest) {
    EXPECT_EQ(
        outcome_of(row({1, 2}, R"(,"id":"mine","outputs":[{"name":"y"}])"), "double").output_json,
        R"({"model_name":"double","model_version":"1","id":"mine","outputs":[)"
        R"({"name":"y","datatype":"FP32","shape":[1,2],"data":[2,4]}]})");
}

TEST_F(Triton, RunsBatchesAsBatches) {
    const auto before = batches_of("double");
    std::vector<std::string> inputs;
    for (int i = 100; i < 120; ++i) inputs.push_back(row({i, -i, 7}));
    const auto outcomes = outcomes_of(inputs, "double");
    for (int i = 100; i < 120; ++i) {
        EXPECT_EQ(data_of(outcomes[i - 100]), json({2 * i, -2 * i, 14}));
    }
    auto after = batches_of("double");
    for (const auto& [rows, count] : before) after[rows] -= count;
    EXPECT_EQ(after[8], 2) << "max_batch_size is 8";
    EXPECT_EQ(after[4], 1);
}

TEST_F(Triton, KeepsElementsOfEveryDatatype) {
    const std::vector<std::array<std::string, 3>> tensors{
        {"bool", "BOOL", "[true,false]"},
        {"u8", "UINT8", "[0,255]"},
        {"u16", "UINT16", "[1,65535]"},
        {"u32", "UINT32", "[1,4294967295]"},
        {"u64", "UINT64", "[1,18446744073709551615]"},
        {"i8", "INT8", "[-128,127]"},
        {"i16", "INT16", "[-32768,1]"},
        {"i32", "INT32", "[-2147483648,1]"},
        {"i64", "INT64", "[-9223372036854775808,1]"},
        {"f16", "FP16", R"([0.5,"Infinity"])"},
        {"f32", "FP32", R"([0.1,"NaN"])"},
        {"f64", "FP64", R"([0.1,"-Infinity"])"},
        {"bytes", "BYTES", R"(["é",""])"},
    };
    std::string inputs;
    for (const auto& [name, datatype, data] : tensors) {
        inputs += fmt::format(R"({}{{"name":"in_{}","datatype":"{}","shape":[1,2],"data":{}}})",
                              inputs.empty() ? "" : ",", name, datatype, data);
    }
    const auto input = fmt::format(R"({{"inputs":[{}]}})", inputs);
    for (const auto& outcome : outcomes_of({input, input}, "echo")) {
        ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
        std::map<std::string, std::string> echoed;
        const auto answer = json::parse(outcome.output_json);
        for (const auto& output : answer["outputs"]) {
            echoed[output["name"]] = output["data"].dump();
        }
        for (const auto& [name, datatype, data] : tensors) EXPECT_EQ(echoed["out_" + name], data);
    }
}

TEST_F(Triton, CarriesBytesThatAreNotText) {
    const auto directory = *millrace::process::TemporaryDirectory::make("millrace-bytes");
    const auto file = directory.path() / "file";
    std::ofstream(file) << "\xff\xd8";
    EXPECT_EQ(data_of(outcome_of(gate(file), "gate")), json({"/9g="}));
    // "/dev/null" in base64.
    EXPECT_EQ(data_of(outcome_of(gate("L2Rldi9udWxs", R"(,"parameters":{"content_type":"base64"})"),
                                 "gate")),
              json({""}));
}

TEST_F(Triton, RunsAModelWithoutBatchesOneByOne) {
    const std::string input =
        R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"INT32","data":[[1,2],[3,4]]}]})";
    for (const auto& outcome : outcomes_of({input, input}, "plain")) {
        EXPECT_EQ(data_of(outcome), json({10}));
    }
}

TEST_F(Triton, OneBadRowCostsItsNeighboursNothing) {
    const auto outcomes = outcomes_of({row({1}), row({13}), row({3}), row({4})}, "double");
    EXPECT_EQ(outcomes[1].kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcomes[1].error_code, "model_error");
    EXPECT_NE(outcomes[1].error_message.find("unlucky"), std::string::npos);
    EXPECT_EQ(data_of(outcomes[0]), json({2}));
    EXPECT_EQ(data_of(outcomes[2]), json({6}));
    EXPECT_EQ(data_of(outcomes[3]), json({8}));
}

TEST_F(Triton, SaysWhatTheModelExpects) {
    const auto outcome = outcome_of(
        R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]}]})", "plain");
    EXPECT_EQ(outcome.error_code, "invalid_input");
    EXPECT_EQ(outcome.error_message, "the input 'x' must be INT32, not FP32");
    // The metadata do not contain this, so Triton reports it.
    const auto unknown = outcome_of(
        row({1}, R"(,"parameters":{"binary_data_output":false,"timeout":"soon"})"), "double");
    EXPECT_EQ(unknown.kind, OutcomeKind::kPermanent) << unknown.error_message;
}

TEST_F(Triton, AFullQueueCostsNoAttemptAndAnAbortIsReportedAtOnce) {
    const auto directory = *millrace::process::TemporaryDirectory::make("millrace-gate");
    const auto pipe = directory.path() / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    std::vector<AttemptKey> keys;
    for (int i = 0; i < 8; ++i) keys.push_back(run(gate(pipe), "gate"));
    // Holds all jobs but those refused: the ones that run, have a place in the server's queue, or
    // wait here because the server has no more of these.
    std::vector<AttemptKey> inside;
    EXPECT_TRUE(eventually([&] {
        inside.clear();
        for (const auto& key : keys) {
            if (sink_.record(key).outcomes.empty()) inside.push_back(key);
        }
        return inside.size() < keys.size();
    }));
    for (const auto& key : keys) {
        const auto outcomes = sink_.record(key).outcomes;
        if (outcomes.empty()) continue;
        EXPECT_EQ(outcomes[0].kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcomes[0].error_code, "server_busy");
    }
    std::size_t cancelled = 0;
    for (const auto& key : inside) {
        backend_->abort(key, AbortReason::kCancelled);
        cancelled += sink_.outcome(key).kind == OutcomeKind::kCancelled ? 1 : 0;
    }
    EXPECT_GE(cancelled, 1U) << "at least the one that runs";
    // The server finishes what it has begun: wait for that.
    auto probe = run(gate("/dev/null"), "gate");
    EXPECT_TRUE(eventually([&] {
        const int writer = open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (writer >= 0) close(writer);
        const auto outcomes = sink_.record(probe).outcomes;
        if (outcomes.empty()) return false;
        if (outcomes[0].kind == OutcomeKind::kCompleted) return true;
        probe = run(gate("/dev/null"), "gate");
        return false;
    }));
}

// This test is the last by name, because the model's process is gone after it.
TEST_F(Triton, ZLeavesAModelAloneWhoseProcessHasDied) {
    const auto killer = outcome_of(row({666}), "double");
    EXPECT_EQ(killer.kind, OutcomeKind::kRetryable);
    EXPECT_EQ(killer.error_code, "server_unhealthy") << killer.error_message;
    EXPECT_EQ(server().get("/v2/models/double/ready"), "") << "it calls itself ready";
    const auto next = outcome_of(row({1}), "double");
    EXPECT_EQ(next.kind, OutcomeKind::kRateLimited);
    EXPECT_EQ(next.error_code, "server_unavailable");
    EXPECT_EQ(data_of(outcome_of(
                  R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"INT32","data":[1,2,3,4]}]})",
                  "plain")),
              json({10}));
    server().post("/v2/repository/models/double/unload");
    server().post("/v2/repository/models/double/load");
    EXPECT_TRUE(
        eventually([&] { return outcome_of(row({1}), "double").kind == OutcomeKind::kCompleted; }));
}

}  // namespace
}  // namespace millrace::backends
