#include "worker/backends/oip/infer_body.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/support/seeded_random.h"

namespace millrace::backends::oip {
namespace {

using nlohmann::json;

constexpr std::size_t kPlenty = 1 << 20;

InferJob job_of(const std::string& input) {
    auto job = parse_infer_job(input);
    EXPECT_TRUE(job.has_value()) << job.error().message;
    return *std::move(job);
}

InferJob numbers(int rows, const std::string& data, const std::string& more = "") {
    return job_of(fmt::format(
        R"({{"inputs":[{{"name":"x","shape":[{},2],"datatype":"INT16","data":{}}}]{}}})", rows,
        data, more));
}

std::vector<const InferJob*> pointers(const std::vector<InferJob>& jobs) {
    std::vector<const InferJob*> all;
    for (const auto& job : jobs) all.push_back(&job);
    return all;
}

TEST(InferBody, PutsTheRowsOfAllJobsIntoOneTensor) {
    const std::vector jobs{numbers(1, "[1,2]"), numbers(2, "[3,4,5,6]")};
    const auto body = make_infer_body(pointers(jobs), /*binary=*/true, "job_1");
    ASSERT_TRUE(body.json_bytes);
    const auto head = json::parse(body.bytes.substr(0, *body.json_bytes));
    EXPECT_EQ(head, json::parse(R"({"id":"job_1","parameters":{"binary_data_output":true},
        "inputs":[{"name":"x","shape":[3,2],"datatype":"INT16",
                   "parameters":{"binary_data_size":12}}]})"));
    EXPECT_EQ(body.bytes.substr(*body.json_bytes), std::string("\1\0\2\0\3\0\4\0\5\0\6\0", 12));
}

TEST(InferBody, IsPlainJsonIfTheServerHasNoExtension) {
    const std::vector jobs{numbers(1, "[1,2]"), numbers(1, "[3,4]")};
    const auto body = make_infer_body(pointers(jobs), /*binary=*/false, "job_1");
    EXPECT_FALSE(body.json_bytes);
    EXPECT_EQ(json::parse(body.bytes), json::parse(R"({"id":"job_1",
        "inputs":[{"name":"x","shape":[2,2],"datatype":"INT16","data":[1,2,3,4]}]})"));
}

TEST(InferBody, KeepsParametersAndOutputs) {
    const auto job = job_of(R"({"inputs":[{"name":"s","shape":[1,1],"datatype":"BYTES",
        "data":["/w=="],"parameters":{"content_type":"base64"}}],
        "outputs":[{"name":"y","parameters":{"classification":2}},{"name":"z"}],
        "parameters":{"priority":1}})");
    const auto binary = make_infer_body(std::vector{&job}, /*binary=*/true, "i");
    EXPECT_EQ(json::parse(binary.bytes.substr(0, *binary.json_bytes)), json::parse(R"({"id":"i",
        "inputs":[{"name":"s","shape":[1,1],"datatype":"BYTES",
                   "parameters":{"content_type":"base64","binary_data_size":5}}],
        "outputs":[{"name":"y","parameters":{"classification":2,"binary_data":true}},
                   {"name":"z","parameters":{"binary_data":true}}],
        "parameters":{"priority":1,"binary_data_output":true}})"));
    const auto text = json::parse(make_infer_body(std::vector{&job}, /*binary=*/false, "i").bytes);
    EXPECT_EQ(text["inputs"][0]["data"], json::parse(R"(["/w=="])"));
    EXPECT_EQ(text["outputs"][1], json::parse(R"({"name":"z"})"));
}

// Returns an answer with an output of numbers as JSON and one of strings as bytes.
std::string mixed_answer(std::size_t& json_bytes) {
    const std::string head =
        R"({"model_name":"m","model_version":"1","id":"job_1","parameters":{},"outputs":[
            {"name":"y","datatype":"FP32","shape":[3,2],"data":[1,2,3.5,4,5,null]},
            {"name":"s","datatype":"BYTES","shape":[3],"parameters":{"binary_data_size":15}}]})";
    json_bytes = head.size();
    return head + std::string("\1\0\0\0a\1\0\0\0\xff\1\0\0\0c", 15);
}

TEST(InferAnswer, IsSplitByRows) {
    std::size_t json_bytes = 0;
    const auto body = mixed_answer(json_bytes);
    const auto answer = parse_infer_answer(body, json_bytes);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    const std::vector jobs{numbers(2, "[1,2,3,4]", R"(,"id":"mine")"), numbers(1, "[5,6]")};
    const auto outcomes = split_answer(*answer, pointers(jobs), kPlenty);
    ASSERT_TRUE(outcomes.has_value()) << outcomes.error().message;
    ASSERT_EQ(outcomes->size(), 2U);
    EXPECT_EQ((*outcomes)[0].kind, OutcomeKind::kCompleted);
    EXPECT_EQ((*outcomes)[0].output_json,
              R"({"model_name":"m","model_version":"1","id":"mine","outputs":[)"
              R"({"name":"y","datatype":"FP32","shape":[2,2],"data":[1,2,3.5,4]},)"
              R"({"name":"s","datatype":"BYTES","shape":[2],"parameters":)"
              R"({"content_type":"base64"},"data":["YQ==","/w=="]}]})");
    EXPECT_EQ((*outcomes)[1].output_json,
              R"({"model_name":"m","model_version":"1","outputs":[)"
              R"({"name":"y","datatype":"FP32","shape":[1,2],"data":[5,"NaN"]},)"
              R"({"name":"s","datatype":"BYTES","shape":[1],"data":["c"]}]})");
}

TEST(InferAnswer, IsAcceptedForOneJobWhateverItsShape) {
    const auto answer = parse_infer_answer(
        R"({"model_name":"m","outputs":[{"name":"y","datatype":"INT8","shape":[],"data":[7]}]})",
        std::nullopt);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    const std::vector one{numbers(1, "[1,2]")};
    const auto outcomes = split_answer(*answer, pointers(one), kPlenty);
    EXPECT_EQ(
        (*outcomes)[0].output_json,
        R"({"model_name":"m","outputs":[{"name":"y","datatype":"INT8","shape":[],"data":[7]}]})");
    const std::vector two{numbers(1, "[1,2]"), numbers(1, "[3,4]")};
    EXPECT_FALSE(split_answer(*answer, pointers(two), kPlenty).has_value());
}

TEST(InferAnswer, OnlyTheJobWithTooMuchOutputFails) {
    const auto answer = parse_infer_answer(
        R"({"outputs":[{"name":"y","datatype":"BYTES","shape":[2],"data":["a",")" +
            std::string(500, 'x') + R"("]}]})",
        std::nullopt);
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    const std::vector jobs{numbers(1, "[1,2]"), numbers(1, "[3,4]")};
    const auto outcomes = split_answer(*answer, pointers(jobs), 200);
    EXPECT_EQ((*outcomes)[0].kind, OutcomeKind::kCompleted);
    EXPECT_EQ((*outcomes)[1].error_code, "output_too_large");
}

TEST(InferAnswer, IsCorruptWhereverItIsCut) {
    std::size_t json_bytes = 0;
    const auto body = mixed_answer(json_bytes);
    for (std::size_t size = 0; size < body.size(); ++size) {
        const std::string_view part(body.data(), size);
        EXPECT_FALSE(parse_infer_answer(part, json_bytes).has_value()) << size;
        EXPECT_FALSE(parse_infer_answer(part, std::nullopt).has_value()) << size;
    }
    EXPECT_FALSE(parse_infer_answer(body + "x", json_bytes).has_value());
    EXPECT_FALSE(parse_infer_answer(body, 0).has_value());
}

// Returns the outputs of a single job, from an answer with this one.
std::string output_from(const std::string& output) {
    const auto answer =
        parse_infer_answer(fmt::format(R"({{"outputs":[{}]}})", output), std::nullopt);
    if (!answer.has_value()) return answer.error().message;
    const std::vector jobs{numbers(1, "[1,2]")};
    return (*split_answer(*answer, pointers(jobs), kPlenty))[0].output_json;
}

TEST(InferAnswer, AcceptsWhatServersWriteBesideTheProtocol) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"("datatype":"FP32","shape":[1,3],"data":[1.5,NaN,-Infinity])",
         R"("datatype":"FP32","shape":[1,3],"data":[1.5,"NaN","-Infinity"])"},
        {R"("datatype":"FP16","shape":[2],"data":[Infinity,null])",
         R"("datatype":"FP16","shape":[2],"data":["Infinity","NaN"])"},
        {R"("datatype":"fp32","shape":["1","2"],"data":[[1,2]],"parameters":null)",
         R"("datatype":"FP32","shape":[1,2],"data":[1,2])"},
        {R"("datatype":"int64","shape":[-1,2],"data":[1,2,3.0,4e0])",
         R"("datatype":"INT64","shape":[2,2],"data":[1,2,3,4])"},
        {R"("datatype":"BYTES","shape":["-1"],"data":["a","b"])",
         R"("datatype":"BYTES","shape":[2],"data":["a","b"])"},
        {R"("datatype":"BYTES","shape":[1],"data":"a\u0000b")",
         R"("datatype":"BYTES","shape":[1],"data":["a\u0000b"])"},
        {R"("datatype":"FP64","shape":[],"data":0.1)",
         R"("datatype":"FP64","shape":[],"data":[0.1])"},
        {R"("datatype":"INT64","shape":[2],"data":[9007199254740993,-9223372036854775808])",
         R"("datatype":"INT64","shape":[2],"data":[9007199254740993,-9223372036854775808])"},
        {R"("datatype":"UINT64","shape":[1],"data":[18446744073709551615])",
         R"("datatype":"UINT64","shape":[1],"data":[18446744073709551615])"},
        {R"("datatype":"BYTES","shape":[2],"data":["\ud83d","caf\udce9"])",
         "\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"\uFFFD\",\"caf\uFFFD\"]"},
        {"\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"a\xE9\n\"]",
         "\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"a\uFFFD\\n\"]"},
        {R"("datatype":"FP32","shape":[0,3],"data":[])",
         R"("datatype":"FP32","shape":[0,3],"data":[])"},
        {R"("datatype":"FP32","shape":[1],"data":[1],"parameters":{"b":1,"a":[1.5]})",
         R"("datatype":"FP32","shape":[1],"parameters":{"b":1,"a":[1.5]},"data":[1])"},
    };
    for (const auto& [sent, shown] : cases) {
        EXPECT_EQ(output_from(R"({"name":"y",)" + sent + "}"),
                  R"({"outputs":[{"name":"y",)" + shown + "}]}");
    }
}

// A server's answer is either refused, or makes results that are JSON and have as many rows.
TEST(InferAnswer, SurvivesAnyBytes) {
    const std::string good =
        R"({"model_name":"m","outputs":[)"
        R"({"name":"y","datatype":"FP32","shape":[2,1],"data":[1.5,2]},)"
        R"({"name":"s","datatype":"BYTES","shape":[2],"data":["a","\ud83d\ude00"]}]})";
    const std::vector<std::string> odd{"\"",
                                       "\\",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       ",",
                                       ":",
                                       "NaN",
                                       "\\ud800",
                                       "\xED\xA0\x80",
                                       "\xFF",
                                       std::string(1, '\0'),
                                       "1e999",
                                       "-",
                                       "null",
                                       "-1",
                                       "0",
                                       "\"2\"",
                                       "INT8",
                                       "base64"};
    const std::vector jobs{numbers(1, "[1,2]"), numbers(1, "[3,4]")};
    test::SeededRandom random(23);
    int completed = 0;
    for (int i = 0; i < 30'000; ++i) {
        auto text = good;
        for (auto n = random.below(4); n > 0; --n) {
            const auto at = random.below(text.size() + 1);
            const auto length = std::min<std::size_t>(random.below(3), text.size() - at);
            text.replace(at, length, odd[random.below(odd.size())]);
        }
        const auto size = random.below(4) == 0
                              ? std::optional<std::size_t>(random.below(text.size() + 2))
                              : std::nullopt;
        const auto answer = parse_infer_answer(text, size);
        if (!answer.has_value()) continue;
        const auto outcomes = split_answer(*answer, pointers(jobs), kPlenty);
        if (!outcomes.has_value()) continue;
        for (const auto& outcome : *outcomes) {
            ++completed;
            const auto result = json::parse(outcome.output_json, nullptr, false);
            ASSERT_FALSE(result.is_discarded()) << text << " -> " << outcome.output_json;
            for (const auto& output : result["outputs"]) ASSERT_EQ(output["shape"][0], 1) << text;
        }
    }
    EXPECT_GT(completed, 1000);
}

TEST(InferAnswer, HasTheOutputsThatTheJobAsksFor) {
    const auto answer = [] {
        return *parse_infer_answer(R"({"outputs":[
            {"name":"b","datatype":"INT8","shape":[1],"data":[2]},
            {"name":"c","datatype":"INT8","shape":[1],"data":[3]},
            {"name":"a","datatype":"INT8","shape":[1],"data":[1]}]})",
                                   std::nullopt);
    };
    const auto names = [](const InferAnswer& some) {
        std::string all;
        for (const auto& output : some.outputs) all += output.name;
        return all;
    };
    auto all = answer();
    EXPECT_TRUE(choose_outputs(numbers(1, "[1,2]"), all).has_value());
    EXPECT_EQ(names(all), "bca");
    auto two = answer();
    const auto wanting = numbers(1, "[1,2]", R"(,"outputs":[{"name":"a"},{"name":"b"}])");
    EXPECT_TRUE(choose_outputs(wanting, two).has_value());
    EXPECT_EQ(names(two), "ab");
    EXPECT_EQ(two.outputs[0].bytes, "\1");
    auto other = answer();
    const auto missing = numbers(1, "[1,2]", R"(,"outputs":[{"name":"a"},{"name":"d"}])");
    const auto chosen = choose_outputs(missing, other);
    ASSERT_FALSE(chosen.has_value());
    EXPECT_EQ(chosen.error().message, "it lacks the output 'd'");
}

TEST(InferAnswer, IsCorruptIfItViolatesTheProtocol) {
    for (const auto* output :
         {R"(1)",
          R"({})",
          R"({"name":"y","shape":[1],"data":[1]})",
          R"({"name":"y","datatype":"FLOAT","shape":[1],"data":[1]})",
          R"({"name":"y","datatype":"FP32","shape":[-1,-1],"data":[1]})",
          R"({"name":"y","datatype":"FP32","shape":[-1,2],"data":[1,2,3]})",
          R"({"name":"y","datatype":"FP32","shape":[-1,0],"data":[]})",
          R"({"name":"y","datatype":"FP32","shape":[-2],"data":[1]})",
          R"({"name":"y","datatype":"FP32","shape":["one"],"data":[1]})",
          R"({"name":"y","datatype":"FP32","shape":[1.5],"data":[1]})",
          R"({"name":"y","datatype":"FP32","shape":"1","data":[1]})",
          R"({"name":"y","datatype":"FP32","shape":[1],"data":{"0":1}})",
          R"({"name":"y","datatype":"FP32","shape":[1],"data":null})",
          R"({"name":"y","datatype":"INT64","shape":[1],"data":[NaN]})",
          R"({"name":"y","datatype":"INT64","shape":[1],"data":[1.5]})",
          R"({"name":"y","datatype":"INT64","shape":[1],"data":[9223372036854775808]})",
          R"({"name":"y","datatype":"INT64","shape":[1],"data":[9007199254740994.0]})",
          R"({"name":"y","datatype":"FP32","shape":[1],"data":[nan]})",
          R"({"name":"y","datatype":"FP32","shape":[1],"data":[1]},)"
          R"({"name":"y","datatype":"FP32","shape":[1],"data":[2]})",
          R"()",
          R"({"name":"y","datatype":"FP32","data":[1]})",
          R"({"name":"y","datatype":"FP32","shape":[1]})",
          R"({"name":"y","datatype":"FP32","shape":[2],"data":[1]})",
          R"({"name":"y","datatype":"FP32","shape":[1],"data":["a"]})",
          R"({"name":"y","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}})",
          R"({"name":"y","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":-4}})"}) {
        const auto answer =
            parse_infer_answer(fmt::format(R"({{"outputs":[{}]}})", output), std::nullopt);
        ASSERT_FALSE(answer.has_value()) << output;
        EXPECT_EQ(answer.error().code, ErrorCode::kDataCorrupt) << output;
    }
}

TEST(InferAnswer, IsCorruptIfNestedTooDeeply) {
    const auto deep = R"({"a":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
    const auto output = R"({"name":"y","datatype":"FP32","shape":[1],"data":[1])";
    for (const auto& text :
         {fmt::format(R"({{"parameters":{},"outputs":[{}}}]}})", deep, output),
          fmt::format(R"({{"outputs":[{},"parameters":{}}}]}})", output, deep),
          fmt::format(R"({{"outputs":[{},"parameters":{}}}],"x":NaN}})", output, deep)}) {
        const auto answer = parse_infer_answer(text, std::nullopt);
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().message, "it is nested deeper than 200 levels");
    }
}

}  // namespace
}  // namespace millrace::backends::oip
