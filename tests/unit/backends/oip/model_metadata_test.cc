#include "worker/backends/oip/model_metadata.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace millrace::backends::oip {
namespace {

// The answers of Triton 2.51.
constexpr auto kModel = R"({"name":"m","versions":["1"],"platform":"python",
    "inputs":[{"name":"x","datatype":"FP32","shape":[-1,3]},
              {"name":"k","datatype":"INT32","shape":[-1,1]}],
    "outputs":[{"name":"y","datatype":"FP32","shape":[-1,-1]}]})";

ModelMetadata model_of(const std::string& body, const std::string& config = "") {
    auto model = parse_model_metadata(body);
    EXPECT_TRUE(model.has_value());
    if (!config.empty()) {
        EXPECT_TRUE(apply_config(config, *model).has_value());
    }
    return *std::move(model);
}

std::string complaint(const ModelMetadata& model, const std::string& input) {
    const auto job = parse_infer_job(input);
    if (!job.has_value()) return "no job: " + job.error().message;
    const auto fits = check_job(model, *job);
    return fits.has_value() ? "" : fits.error().message;
}

std::string x_and_k(int rows, const std::string& more = "") {
    std::string x;
    std::string k;
    for (int i = 0; i < rows; ++i) {
        x += fmt::format("{}[1,2,3]", i > 0 ? "," : "");
        k += i > 0 ? ",1" : "1";
    }
    return fmt::format(
        R"({{"inputs":[{{"name":"x","shape":[{0},3],"datatype":"FP32","data":[{1}]}},
                       {{"name":"k","shape":[{0},1],"datatype":"INT32","data":[{2}]}}]{3}}})",
        rows, x, k, more);
}

TEST(ServerMetadata, ListsTheExtensions) {
    const auto triton =
        parse_server_metadata(R"({"extensions":["model_configuration","binary_tensor_data"]})");
    EXPECT_TRUE(triton->binary);
    EXPECT_TRUE(triton->has_config);
    const auto mlserver =
        parse_server_metadata(R"({"name":"mlserver","version":"1.7.1","extensions":[]})");
    EXPECT_FALSE(mlserver->binary);
    EXPECT_FALSE(mlserver->has_config);
    EXPECT_FALSE(parse_server_metadata("{}")->binary);
    EXPECT_FALSE(parse_server_metadata("<html>").has_value());
}

TEST(ModelMetadata, BatchesAsTheConfigurationSays) {
    EXPECT_EQ(model_of(kModel, R"({"max_batch_size":8})").rows_max, 8U);
    EXPECT_FALSE(model_of(kModel, R"({"max_batch_size":0})").batches());
    const auto model = model_of(
        kModel, R"({"max_batch_size":8,"input":[{"name":"k","optional":true},{"name":"x"}]})");
    EXPECT_FALSE(model.inputs[0].optional);
    EXPECT_TRUE(model.inputs[1].optional);
    auto broken = model_of(kModel);
    EXPECT_FALSE(apply_config(R"({"max_batch_size":-1})", broken).has_value());
    EXPECT_FALSE(apply_config("[]", broken).has_value());
}

TEST(ModelMetadata, BatchesWithoutAConfigurationIfRowsAreFree) {
    EXPECT_EQ(model_of(kModel).rows_max, kRowsUnlimited);
    EXPECT_FALSE(model_of(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3]}],
        "outputs":[{"name":"y","datatype":"FP32","shape":[-1,3]}]})")
                     .batches());
    // MLServer without declared tensors: nothing is known about batches.
    EXPECT_FALSE(model_of(R"({"name":"d","inputs":[],"outputs":[]})").batches());
    EXPECT_FALSE(model_of(R"({"name":"d"})").batches());
}

TEST(ModelMetadata, IsCorruptIfItViolatesTheProtocol) {
    for (const auto* body : {"", "[]", R"({"inputs":{}})", R"({"inputs":[1]})",
                             R"({"inputs":[{"name":"x","datatype":"FP32"}]})",
                             R"({"inputs":[{"name":"x","datatype":"FP32","shape":["a"]}]})"}) {
        const auto model = parse_model_metadata(body);
        ASSERT_FALSE(model.has_value()) << body;
        EXPECT_EQ(model.error().code, ErrorCode::kDataCorrupt);
    }
}

TEST(CheckJob, TakesWhatFits) {
    const auto model = model_of(kModel, R"({"max_batch_size":8})");
    EXPECT_EQ(complaint(model, x_and_k(1)), "");
    EXPECT_EQ(complaint(model, x_and_k(8, R"(,"outputs":[{"name":"y"}])")), "");
    EXPECT_EQ(complaint(model_of(R"({"inputs":[]})"), x_and_k(1)), "");
}

TEST(CheckJob, SaysWhatTheModelExpects) {
    const auto model = model_of(kModel, R"({"max_batch_size":8})");
    const auto one = [](const std::string& members) {
        return fmt::format(R"({{"inputs":[{{{}}}]}})", members);
    };
    EXPECT_EQ(complaint(model, one(R"("name":"z","shape":[1],"datatype":"FP32","data":[1])")),
              "the model has no input 'z'; it has x, k");
    EXPECT_EQ(complaint(model, one(R"("name":"x","shape":[1],"datatype":"FP64","data":[1])")),
              "the input 'x' must be FP32, not FP64");
    EXPECT_EQ(complaint(model, one(R"("name":"x","shape":[1,2],"datatype":"FP32","data":[1,2])")),
              "the input 'x' has the shape [1,2]; the model expects [-1,3], rows first");
    EXPECT_EQ(complaint(model, one(R"("name":"x","shape":[3],"datatype":"FP32","data":[1,2,3])")),
              "the input 'x' has the shape [3]; the model expects [-1,3], rows first");
    EXPECT_EQ(complaint(model, one(R"("name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3])")),
              "the model's input 'k' is missing (INT32, [-1,1])");
    EXPECT_EQ(complaint(model, x_and_k(1, R"(,"outputs":[{"name":"q"}])")),
              "the model has no output 'q'; it has y");
    EXPECT_EQ(complaint(model, x_and_k(9)),
              "the job has 9 rows and the model takes 8 at a time; submit several jobs");
    EXPECT_NE(complaint(model, x_and_k(0)).find("its first dimension is the job's rows"),
              std::string::npos);
    EXPECT_EQ(complaint(model, R"({"inputs":[
                  {"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]},
                  {"name":"k","shape":[2,1],"datatype":"INT32","data":[1,2]}]})"),
              "the inputs 'x' and 'k' have different numbers of rows");
}

TEST(CheckJob, RefusesInputsThatCrashServers) {
    const auto model = model_of(R"({"outputs":[{"name":"s","datatype":"BYTES","shape":[-1,1]},
                                               {"name":"y","datatype":"FP32","shape":[-1,9]}]})");
    const auto outputs = [](const std::string& name) {
        return fmt::format(R"(,"outputs":[{{"name":"{}","parameters":{{"classification":1}}}}])",
                           name);
    };
    EXPECT_EQ(complaint(model, x_and_k(1, outputs("s"))),
              "the output 's' is BYTES, which cannot be classified");
    EXPECT_EQ(complaint(model, x_and_k(1, outputs("y"))), "");
}

TEST(RepositoryIndex, NamesWhatIsReadyOnce) {
    const auto names = parse_repository_index(
        R"([{"name":"b","version":"1","state":"READY"},{"name":"b","version":"2","state":"READY"},
            {"name":"a","state":"READY"},{"name":"c","state":"UNAVAILABLE"},{"name":"d"}])");
    EXPECT_EQ(*names, (std::vector<std::string>{"a", "b"}));
    EXPECT_FALSE(parse_repository_index("{}").has_value());
    EXPECT_FALSE(parse_repository_index("[{}]").has_value());
}

TEST(ModelMetadata, IsCorruptIfNestedTooDeeply) {
    const auto deep = std::string(200'000, '[') + std::string(200'000, ']');
    EXPECT_FALSE(parse_server_metadata(R"({"extensions":)" + deep + "}").has_value());
    EXPECT_FALSE(parse_model_metadata(R"({"inputs":)" + deep + "}").has_value());
    EXPECT_FALSE(parse_repository_index(R"([{"name":"a","state":)" + deep + "}]").has_value());
    auto model = model_of(kModel, R"({"max_batch_size":8})");
    EXPECT_FALSE(apply_config(R"({"max_batch_size":)" + deep + "}", model).has_value());
}

}  // namespace
}  // namespace millrace::backends::oip
