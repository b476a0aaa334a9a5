#include "worker/backends/oip/infer_job.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace millrace::backends::oip {
namespace {

std::string error_of(const std::string& input) {
    const auto job = parse_infer_job(input);
    return job.has_value() ? "" : job.error().message;
}

TEST(InferJob, ReadsARequestOfTheProtocol) {
    const auto job = parse_infer_job(R"({
        "id": "mine",
        "inputs": [
            {"name": "x", "shape": [2,2], "datatype": "FP32", "data": [[1,2],[3,4]],
             "parameters": {"binary_data_size": 16, "content_type": "np"}},
            {"name": "s", "shape": [2,1], "datatype": "BYTES", "data": ["a","b"]}],
        "outputs": [{"name": "y", "parameters": {"binary_data": false, "classification": 2}}],
        "parameters": {"priority": 1, "binary_data_output": true}})");
    ASSERT_TRUE(job.has_value()) << job.error().message;
    EXPECT_EQ(job->id, "mine");
    ASSERT_EQ(job->inputs.size(), 2U);
    EXPECT_EQ(job->inputs[0].bytes.size(), 16U);
    EXPECT_EQ(job->inputs[0].parameters, R"({"content_type":"np"})");
    EXPECT_EQ(job->inputs[1].datatype, Datatype::kBytes);
    EXPECT_EQ(job->outputs, (std::vector<RequestedOutput>{{"y", R"({"classification":2})"}}));
    EXPECT_EQ(job->parameters, R"({"priority":1})");
    EXPECT_EQ(job->rows(), 2U);
}

TEST(InferJob, TakesBytesInBase64) {
    const auto job = parse_infer_job(
        R"({"inputs":[{"name":"image","shape":[1],"datatype":"BYTES","data":["/9g="],
            "parameters":{"content_type":"base64"}}]})");
    ASSERT_TRUE(job.has_value()) << job.error().message;
    EXPECT_EQ(job->inputs[0].bytes, std::string("\x02\0\0\0\xff\xd8", 6));
}

TEST(InferJob, SaysWhatIsWrong) {
    const auto input = [](const std::string& members) {
        return fmt::format(R"({{"inputs":[{{{}}}]}})", members);
    };
    const std::vector<std::pair<std::string, std::string>> cases{
        {"[]", "the input must be a JSON object"},
        {R"({"prompt":"a"})", "unknown member 'prompt'; the known ones are inputs, outputs"},
        {R"({})", "the input needs 'inputs'"},
        {R"({"inputs":[]})", "the input needs 'inputs'"},
        {R"({"inputs":[1]})", "inputs[0] must be an object"},
        {input(R"("name":"x","shape":[1],"datatype":"FP32","data":[1],"dims":[1])"),
         "inputs[0] has an unknown member 'dims'"},
        {input(R"("shape":[1],"datatype":"FP32","data":[1])"), "inputs[0].name must be a string"},
        {input(R"("name":"x","shape":[-1],"datatype":"FP32","data":[1])"), "inputs[0].shape"},
        {input(R"("name":"x","shape":[1.5],"datatype":"FP32","data":[1])"), "inputs[0].shape"},
        {input(R"("name":"x","shape":[1],"datatype":"FLOAT","data":[1])"),
         "inputs[0].datatype 'FLOAT' is not one of the protocol's"},
        {input(R"("name":"x","shape":[1],"datatype":"FP32")"), "inputs[0] needs 'data'"},
        {input(R"("name":"x","shape":[2],"datatype":"FP32","data":[1])"),
         "inputs[0].data must have the 2 elements of its shape [2]"},
        {input(R"("name":"x","shape":[0],"datatype":"FP32","data":[1])"),
         "inputs[0].data must have the 0 elements"},
        {input(R"("name":"x","shape":[1],"datatype":"INT8","data":["a"])"),
         "inputs[0].data: element 0 must be an integer from -128 to 127"},
        {input(R"("name":"x","shape":[1099511627776,1099511627776],"datatype":"FP32","data":[])"),
         "inputs[0].shape is too large"},
        {input(R"("name":"x","shape":[1],"datatype":"FP32","data":[1],
                  "parameters":{"shared_memory_region":"r"})"),
         "shared memory"},
        {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],
             "parameters":{"sequence_id":1}})",
         "sequences are not supported"},
        {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]},
                       {"name":"x","shape":[1],"datatype":"FP32","data":[1]}]})",
         "the input 'x' appears twice"},
        {R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}],"outputs":["y"]})",
         "outputs[0] must be an object"},
    };
    for (const auto& [text, message] : cases) {
        EXPECT_NE(error_of(text).find(message), std::string::npos) << text << "\n"
                                                                   << error_of(text);
    }
}

// Returns a job with one input and with whatever else may be in the key.
std::string job_with(const std::string& shape, const std::string& data,
                     const std::string& more = "", const std::string& datatype = "FP32") {
    return fmt::format(R"({{"inputs":[{{"data" : {},"name":"x","shape":{},"datatype":"{}"}}]{}}})",
                       data, shape, datatype, more);
}

std::string key_of(const std::string& input) {
    return infer_key(std::string_view(input));
}

TEST(InferKey, IsTheSameWithAndWithoutReadingTheData) {
    for (const auto& input :
         {job_with("[1,2]", "[[1,2]]"), job_with("[1,1]", R"(["]\"[,"])", "", "BYTES"),
          job_with("[1,1]", R"(["\"data\":["])", R"(,"outputs":[{"name":"data"}])", "BYTES"),
          job_with("[1,1]", "[1]", R"(,"parameters":{"priority":2},"id":"data")")}) {
        const auto job = parse_infer_job(input);
        ASSERT_TRUE(job.has_value()) << job.error().message;
        EXPECT_EQ(infer_key(*job), key_of(input));
        EXPECT_NE(key_of(input), "");
    }
}

TEST(InferKey, SeparatesJobsThatCannotShareARequest) {
    const auto key = key_of(job_with("[1,2]", "[1,2]"));
    EXPECT_EQ(key, key_of(job_with("[3,2]", "[1,2,3,4,5,6]")));
    EXPECT_EQ(key, key_of(job_with("[1,2]", "[1,2]", R"(,"id":"mine")")));
    EXPECT_NE(key, key_of(job_with("[1,3]", "[1,2,3]")));
    EXPECT_NE(key, key_of(job_with("[1,2]", "[1,2]", "", "FP64")));
    EXPECT_NE(key, key_of(job_with("[1,2]", "[1,2]", R"(,"outputs":[{"name":"y"}])")));
    EXPECT_NE(key, key_of(job_with("[1,2]", "[1,2]", R"(,"parameters":{"priority":1})")));
}

TEST(InferKey, SurvivesInvalidJson) {
    for (const auto* input : {"", "{", R"({"data")", R"({"data":)", R"({"data":[)",
                              R"({"data":["\)", R"("\)", "[[[", R"({"data":[]]]]}})"}) {
        EXPECT_EQ(key_of(input), "") << input;
    }
}

}  // namespace
}  // namespace millrace::backends::oip
