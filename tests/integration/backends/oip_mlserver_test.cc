// The oip backend on a real MLServer: no binary extension, no configuration, no checks of its own.
#include "tests/integration/backends/model_server.h"
#include "tests/integration/backends/oip_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

class MlServer : public OipFixture {
 protected:
    static void SetUpTestSuite() { server_ = new auto(ModelServer::start_mlserver()); }
    static void TearDownTestSuite() { delete std::exchange(server_, nullptr); }

    void SetUp() override {
        if (is_there(*server_)) start({.base_urls = {(**server_)->url()}});
    }

    static Result<std::unique_ptr<ModelServer>>* server_;
};

Result<std::unique_ptr<ModelServer>>* MlServer::server_ = nullptr;

TEST_F(MlServer, RunsBatches) {
    EXPECT_EQ(backend_->info().models, std::vector<std::string>{"double"});
    const auto outcomes = outcomes_of({row({1, 2}), row({3, 4}, R"(,"id":"mine")")}, "double");
    EXPECT_EQ(data_of(outcomes[0]), json({2, 4}));
    EXPECT_EQ(data_of(outcomes[1]), json({6, 8}));
}

TEST_F(MlServer, OneBadRowCostsItsNeighboursNothing) {
    const auto outcomes = outcomes_of({row({1}), row({13}), row({3})}, "double");
    EXPECT_EQ(outcomes[1].kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcomes[1].error_code, "model_error");
    EXPECT_EQ(data_of(outcomes[0]), json({2}));
    EXPECT_EQ(data_of(outcomes[2]), json({6}));
}

TEST_F(MlServer, ReceivesNoInputOfTheWrongDatatype) {
    const auto outcome = outcome_of(
        R"({"inputs":[{"name":"x","shape":[1,1],"datatype":"INT8","data":[1]}]})", "double");
    EXPECT_EQ(outcome.error_message, "the input 'x' must be FP32, not INT8");
}

}  // namespace
}  // namespace millrace::backends
