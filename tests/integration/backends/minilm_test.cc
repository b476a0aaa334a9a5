// deploy/examples/minilm.py with the real weights, which deploy/fetch-minilm.sh fetches.
#include "tests/integration/backends/minilm.h"
#include "tests/integration/backends/process_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

using Vector = std::vector<double>;

Vector vector_in(const json& output) {
    return output["data"][0]["embedding"].get<Vector>();
}

class MiniLm : public ProcessTest {
 protected:
    void SetUp() override {
        if (!minilm_is_there()) return;
        const auto packages = source_path("worker/python") + ":" +
                              (millrace::process::cache_directory() / "minilm/python").string();
        start({.command = {"python3", source_path("deploy/examples/minilm.py")},
               .environment = {"PYTHONPATH=" + packages}});
    }
};

TEST_F(MiniLm, EmbedsABatchOfSentences) {
    EXPECT_EQ(backend_->info().models, std::vector<std::string>{"minilm"});
    const auto keys = run({R"({"input":"A man is eating food."})", R"({"prompt":"?"})",
                           R"({"input":["A man is eating a piece of bread."]})",
                           R"({"input":"The girl is carrying a baby."})"});
    const auto food = output(keys[0]);
    EXPECT_EQ(food["object"], "list");
    ASSERT_EQ(vector_in(food).size(), 384U);
    EXPECT_EQ(sink_.outcome(keys[0]).usage.prompt_tokens, 8);
    EXPECT_EQ(sink_.outcome(keys[1]).error_code, "invalid_input");
    EXPECT_NEAR(cosine(vector_in(food), vector_in(output(keys[2]))), kMiniLmCosine, 0.0001);
    EXPECT_LT(cosine(vector_in(food), vector_in(output(keys[3]))), 0.2);
}

}  // namespace
}  // namespace millrace::backends
