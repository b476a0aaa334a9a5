// Jobs on a real NVIDIA Triton server with a real model, deploy/examples/triton/minilm.

#include <gtest/gtest.h>

#include "tests/e2e/stack.h"
#include "tests/integration/backends/minilm.h"
#include "tests/integration/backends/model_server.h"
#include "tests/support/eventually.h"

namespace millrace::test {
namespace {

using backends::ModelServer;

// A job with one row of one element.
Json job_of(const std::string& model, const std::string& input, const std::string& datatype,
            const Json& element) {
    const Json tensor{
        {"name", input}, {"datatype", datatype}, {"shape", {1, 1}}, {"data", {element}}};
    return {{"model", model}, {"input", {{"inputs", Json::array({tensor})}}}};
}

Json embedding_of(const std::string& text) {
    return job_of("minilm", "text", "BYTES", text);
}

class OnTriton : public testing::Test {
 protected:
    void SetUp() override {
        if (!backends::minilm_is_there()) return;
        server_ = ModelServer::start_triton(
            {"tests/integration/backends/triton", "deploy/examples/triton"});
        if (!is_there(server_)) return;
        stack_ = std::make_unique<Stack>(
            StackOptions{.settings = {{"backend.oip.url", server().url()},
                                      {"backend.oip.models", "minilm,double"}}});
    }

    ModelServer& server() { return **server_; }
    Json data_of(const std::string& id) {
        const auto done = stack_->wait_until_final(id);
        EXPECT_EQ(done["status"], "completed") << done;
        return done["output"]["outputs"][0]["data"];
    }
    std::vector<double> vector_of(const std::string& id) {
        return data_of(id).get<std::vector<double>>();
    }

    Result<std::unique_ptr<ModelServer>> server_ = Error{ErrorCode::kNotFound, ""};
    std::unique_ptr<Stack> stack_;
};

TEST_F(OnTriton, SentencesAreEmbedded) {
    const auto ids = stack_->submit_many({embedding_of("A man is eating food."),
                                          embedding_of("A man is eating a piece of bread."),
                                          embedding_of("The girl is carrying a baby.")});
    const auto food = vector_of(ids[0]);
    ASSERT_EQ(food.size(), 384U);
    EXPECT_NEAR(backends::cosine(food, vector_of(ids[1])), backends::kMiniLmCosine, 0.0001);
    EXPECT_LT(backends::cosine(food, vector_of(ids[2])), 0.2);
}

TEST_F(OnTriton, AModelWhoseProcessDiesLosesNoJobAndHoldsUpNoOther) {
    server().kill_model("minilm");
    const auto stranded = stack_->submit(embedding_of("A man is eating food."));
    const auto tried = [&] {
        const auto path = "/v1/jobs/" + stranded + "?include=attempts";
        return !stack_->call("GET", path)["attempts"].empty();
    };
    ASSERT_TRUE(eventually(tried, "the dead model was asked"));
    EXPECT_EQ(server().get("/v2/models/minilm/ready"), "") << "it calls itself ready";

    Json others = Json::array();
    for (int i = 0; i < 12; ++i) others.push_back(job_of("double", "x", "FP32", i));
    const auto ids = stack_->submit_many(others);
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(data_of(ids[i])[0], 2 * i);

    server().post("/v2/repository/models/minilm/unload");
    server().post("/v2/repository/models/minilm/load");
    EXPECT_EQ(vector_of(stranded).size(), 384U);
}

}  // namespace
}  // namespace millrace::test
