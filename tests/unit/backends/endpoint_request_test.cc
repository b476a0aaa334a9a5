#include "worker/backends/openai/endpoint_request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace millrace::worker {
namespace {

using nlohmann::json;

Result<EndpointRequest> request_for(const std::string& input, const char* profile = "generic") {
    static const std::string kModel = "theirs";
    return make_endpoint_request(
        input, {.model = kModel, .profile = *find_profile(profile), .id = "job_1-2"});
}

TEST(EndpointRequest, PassesTheInputOnAndStreams) {
    const auto request = request_for(
        R"({"messages":[{"role":"user","content":"hi"}],"tools":[1],"model":"ours","stream":false,
            "response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object"}}},
            "stream_options":{"include_obfuscation":false},"temperature":0.25})");
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->path, "/chat/completions");
    EXPECT_EQ(json::parse(request->body), json::parse(R"({
        "messages":[{"role":"user","content":"hi"}],"tools":[1],"model":"theirs","stream":true,
        "response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object"}}},
        "stream_options":{"include_obfuscation":false,"include_usage":true},
        "temperature":0.25})"));
}

TEST(EndpointRequest, ChoosesThePathByTheInput) {
    const auto prompt = request_for(R"({"prompt":["a","b"]})");
    ASSERT_TRUE(prompt.has_value());
    EXPECT_EQ(prompt->path, "/completions");
    EXPECT_EQ(json::parse(prompt->body)["stream"], true);
    const auto input = request_for(R"({"input":[1,2],"stream":true})");
    ASSERT_TRUE(input.has_value());
    EXPECT_EQ(input->path, "/embeddings");
    EXPECT_EQ(json::parse(input->body), json::parse(R"({"input":[1,2],"model":"theirs"})"));
    EXPECT_FALSE(request_for(R"({"text":"a"})").has_value());
}

TEST(EndpointRequest, SendsAnImagePromptAsAPrompt) {
    const auto request = request_for(R"({"image_prompt":"a mill","size":"512x512","n":2})");
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->path, "/images/generations");
    EXPECT_EQ(json::parse(request->body),
              json::parse(R"({"prompt":"a mill","size":"512x512","n":2,"model":"theirs"})"));
}

TEST(EndpointRequest, GivesTheAttemptsIdWhereTheServerLogsIt) {
    const auto* chat = R"({"messages":[]})";
    EXPECT_EQ(json::parse(request_for(chat, "vllm")->body)["request_id"], "job_1-2");
    EXPECT_EQ(json::parse(request_for(chat, "sglang")->body)["rid"], "job_1-2");
    for (const auto* profile : {"generic", "llama.cpp", "ollama", "tgi", "cloud"}) {
        EXPECT_EQ(request_for(chat, profile)->body.find("job_1"), std::string::npos) << profile;
    }
}

TEST(EndpointRequest, RefusesAListWhereTheServerTakesNone) {
    for (const auto* profile : {"ollama", "tgi"}) {
        const auto request = request_for(R"({"prompt":["a","b"]})", profile);
        ASSERT_FALSE(request.has_value()) << profile;
        EXPECT_NE(request.error().message.find("one job for each"), std::string::npos);
        EXPECT_TRUE(request_for(R"({"prompt":"a"})", profile).has_value()) << profile;
    }
    EXPECT_TRUE(request_for(R"({"prompt":["a","b"]})", "vllm").has_value());
}

TEST(RequestOutline, CountsTheTextsOfEveryShape) {
    const std::string text(400, 'x');
    const auto tokens = [](const json& input) {
        return outline_request(input.dump())->prompt_tokens;
    };
    EXPECT_EQ(tokens({{"prompt", text}}), 100);
    EXPECT_EQ(tokens({{"prompt", {text, text}}}), 200);
    EXPECT_EQ(tokens({{"input", {1, 2, 3}}}), 3);
    EXPECT_EQ(tokens({{"image_prompt", text}}), 100);
    const json parts{{{"type", "text"}, {"text", text}},
                     {{"type", "image_url"}, {"image_url", {{"url", "data:" + text}}}}};
    EXPECT_EQ(tokens({{"messages",
                       {{{"role", "system"}, {"content", text}},
                        {{"role", "user"}, {"content", parts}}}}}),
              200);
}

TEST(RequestOutline, KnowsWhatIsAskedForAtMost) {
    const auto most = [](const char* input) { return outline_request(input)->output_tokens_max; };
    EXPECT_EQ(most(R"({"prompt":"a"})"), std::nullopt);
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":50})"), 50);
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":50,"n":3})"), 150);
    EXPECT_EQ(most(R"({"messages":[],"max_completion_tokens":7,"max_tokens":9})"), 7);
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":18446744073709551615,"n":9})"), 1'000'000'000);
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":"many"})"), std::nullopt);
    EXPECT_EQ(most(R"({"input":"a"})"), 0);
}

TEST(RequestOutline, PrefixesAreThoseOfTheFirstMessage) {
    const auto chat = [](const std::string& system, const std::string& user) {
        return outline_request(json{{"messages",
                                     {{{"role", "system"}, {"content", system}},
                                      {{"role", "user"}, {"content", user}}}}}
                                   .dump())
            ->prefix;
    };
    const std::string one(300, '1');
    const std::string two(300, '2');
    ASSERT_TRUE(chat(one, "a"));
    EXPECT_EQ(chat(one, "a"), chat(one, "b"));
    EXPECT_NE(chat(one, "a"), chat(two, "a"));
    EXPECT_FALSE(chat("You are kind.", "a"));
}

TEST(RequestOutline, PrefixesArePromptsBeginnings) {
    const auto prompt = [](const std::string& text) {
        return outline_request(json{{"prompt", text}}.dump())->prefix;
    };
    const std::string beginning(1024, 'x');
    ASSERT_TRUE(prompt(beginning));
    EXPECT_EQ(prompt(beginning + "a"), prompt(beginning + "b"));
    EXPECT_FALSE(prompt("short"));
    EXPECT_FALSE(outline_request(json{{"input", beginning}}.dump())->prefix);
}

}  // namespace
}  // namespace millrace::worker
