#include "worker/backends/openai/endpoint_request.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace millrace::backends::openai {
namespace {

using nlohmann::json;

Result<EndpointRequest> request_for(const std::string& input, const char* profile = "generic") {
    static const std::string model = "theirs";
    TRY(const auto outline, outline_request(input));
    return make_endpoint_request(
        input, outline, {.model = model, .profile = *find_profile(profile), .id = "job_1-2"});
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

// Servers generate the members of a schema in its order, and cache by the bytes of a prompt.
TEST(EndpointRequest, LeavesEveryOtherByteUnchanged) {
    const auto body = [](const std::string& input) { return request_for(input)->body; };
    EXPECT_EQ(body(R"({ "temperature": 0.70,"seed":18446744073709551617,
 "messages":[{"role":"user","content":"\u00e9\/é"}], "logit_bias":{"9":1e2,"1":-0.0},
 "response_format":{"schema":{"properties":{"reasoning":{},"answer":{}}}} })"),
              R"({ "temperature": 0.70,"seed":18446744073709551617,
 "messages":[{"role":"user","content":"\u00e9\/é"}], "logit_bias":{"9":1e2,"1":-0.0},
 "response_format":{"schema":{"properties":{"reasoning":{},"answer":{}}}},)"
              R"("model":"theirs","stream":true,"stream_options":{"include_usage":true} })");
    // The members stay in their places.
    EXPECT_EQ(body(R"({"model":"m", "stream" : false,"messages":[],"stream_options":{"a":0.50}})"),
              R"({"model":"theirs", "stream" : true,"messages":[],)"
              R"("stream_options":{"a":0.50,"include_usage":true}})");
    EXPECT_EQ(body(R"({"stream_options":{"include_usage":false , "x":1},"messages":[]})"),
              R"({"stream_options":{"include_usage":true , "x":1},"messages":[],"model":"theirs",)"
              R"("stream":true})");
}

TEST(EndpointRequest, SendsADuplicateMemberOnce) {
    const auto body =
        request_for(
            R"({"model":"a","messages":[],"stream":false,"model":"b","stream":null,"x":1,"x":2})")
            ->body;
    EXPECT_EQ(body, R"({"messages":[],"model":"theirs","stream":true,"x":1,"x":2,)"
                    R"("stream_options":{"include_usage":true}})");
}

TEST(EndpointRequest, StreamsOnlyWhatTheServerStreamsCorrectly) {
    const auto streams = [](const char* input, const char* profile) {
        const auto request = request_for(input, profile);
        EXPECT_EQ(json::parse(request->body).value("stream", false), request->streams);
        return request->streams;
    };
    const auto* list = R"({"prompt":["a","b"]})";
    for (const auto* profile : {"vllm", "sglang", "llama.cpp"}) EXPECT_TRUE(streams(list, profile));
    for (const auto* profile : {"generic", "cloud"}) {
        EXPECT_FALSE(streams(list, profile)) << profile;
        EXPECT_TRUE(streams(R"({"prompt":["a"]})", profile)) << profile;
        EXPECT_TRUE(streams(R"({"prompt":[1,2,3]})", profile)) << profile;
        EXPECT_FALSE(streams(R"({"prompt":[[1,2],[3]]})", profile)) << profile;
    }
    const auto* tools = R"({"messages":[],"tools":[{}],"logprobs":true})";
    EXPECT_FALSE(streams(tools, "llama.cpp"));
    EXPECT_TRUE(streams(tools, "generic"));
    EXPECT_TRUE(streams(R"({"messages":[],"tools":[],"logprobs":true})", "llama.cpp"));
    EXPECT_TRUE(streams(R"({"messages":[],"tools":null,"logprobs":true})", "llama.cpp"));
    EXPECT_TRUE(streams(R"({"messages":[],"tools":[{}],"logprobs":false})", "llama.cpp"));
    EXPECT_FALSE(streams(R"({"input":"a","stream":true})", "generic"));
}

TEST(EndpointRequest, ChoosesThePathByTheInput) {
    const auto prompt = request_for(R"({"prompt":["a","b"]})");
    ASSERT_TRUE(prompt.has_value());
    EXPECT_EQ(prompt->path, "/completions");
    const auto input = request_for(R"({"input":[1,2],"stream":true})");
    ASSERT_TRUE(input.has_value());
    EXPECT_EQ(input->path, "/embeddings");
    EXPECT_EQ(input->body, R"({"input":[1,2],"model":"theirs"})");
    EXPECT_FALSE(request_for(R"({"text":"a"})").has_value());
}

TEST(EndpointRequest, SendsAnImagePromptAsAPrompt) {
    const auto request = request_for(R"({"image_prompt":"a mill","size":"512x512","n":2})");
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->path, "/images/generations");
    EXPECT_EQ(request->body, R"({"prompt":"a mill","size":"512x512","n":2,"model":"theirs"})");
    EXPECT_EQ(request_for(R"({"prompt":null,"image_prompt":"a"})")->body,
              R"({"prompt":"a","model":"theirs"})");
}

TEST(EndpointRequest, GivesTheAttemptsIdWhereTheServerLogsIt) {
    const auto* chat = R"({"messages":[]})";
    EXPECT_EQ(json::parse(request_for(chat, "vllm")->body)["request_id"], "job_1-2");
    EXPECT_EQ(json::parse(request_for(chat, "sglang")->body)["rid"], "job_1-2");
    for (const auto* profile : {"generic", "llama.cpp", "ollama", "tgi", "cloud"}) {
        EXPECT_EQ(request_for(chat, profile)->body.find("job_1"), std::string::npos) << profile;
    }
}

TEST(EndpointRequest, RefusesAListIfTheServerTakesNone) {
    for (const auto* profile : {"ollama", "tgi"}) {
        const auto request = request_for(R"({"prompt":["a","b"]})", profile);
        ASSERT_FALSE(request.has_value()) << profile;
        EXPECT_NE(request.error().message.find("one job for each"), std::string::npos);
        EXPECT_TRUE(request_for(R"({"prompt":"a"})", profile).has_value()) << profile;
    }
    EXPECT_TRUE(request_for(R"({"prompt":["a","b"]})", "vllm").has_value());
}

TEST(RequestOutline, SaysWhyAnInputIsRefused) {
    const auto message = [](std::string_view input) {
        EXPECT_FALSE(request_prefix(input)) << input;
        const auto outline = outline_request(input);
        return outline.has_value() ? std::string() : outline.error().message;
    };
    for (const auto* text : {"", "{", R"({"messages":[})", R"({"messages":[]}x)"}) {
        EXPECT_EQ(message(text), "the input is not valid JSON") << text;
    }
    EXPECT_EQ(message("[]"), "the input must be a JSON object");
    constexpr auto kNames = "'messages', 'prompt', 'input', 'image_prompt'";
    EXPECT_EQ(message(R"({"messages":null})"), fmt::format("the input needs one of {}", kNames));
    EXPECT_EQ(message(R"({"prompt":"a","input":"b"})"),
              fmt::format("the input has more than one of {}", kNames));
    // The last member of a name counts.
    EXPECT_EQ(message(R"({"prompt":"a","prompt":null,"input":"b"})"), "");
}

// As deep as a gateway may let it be. Texts that deep are not those of a request.
TEST(RequestOutline, TakesInputsOfAnyDepth) {
    const auto nested = std::string(990, '[') + "\"text\"" + std::string(990, ']');
    const auto outline = outline_request(R"({"prompt":)" + nested + "}");
    ASSERT_TRUE(outline.has_value());
    EXPECT_EQ(outline->answers, 1U);
    EXPECT_EQ(outline->prompt_tokens, 0);
}

TEST(RequestOutline, CountsTheTextsOfEveryShape) {
    const std::string text(400, 'x');
    const auto tokens = [](const json& input) {
        return outline_request(input.dump())->prompt_tokens;
    };
    EXPECT_EQ(tokens({{"prompt", text}}), 100);
    EXPECT_EQ(tokens({{"prompt", {text, text}}}), 200);
    EXPECT_EQ(tokens({{"input", {1, 2, 3}}}), 3);
    // As the server reads them, not as they are escaped.
    EXPECT_EQ(outline_request(R"({"prompt":"\u6c34\u8eca\n\"a"})")->prompt_tokens, 2);
    EXPECT_EQ(tokens({{"image_prompt", text}}), 100);
    const json parts{{{"type", "text"}, {"text", text}},
                     {{"type", "image_url"}, {"image_url", {{"url", "data:" + text}}}}};
    EXPECT_EQ(tokens({{"messages",
                       {{{"role", "system"}, {"content", text}},
                        {{"role", "user"}, {"content", parts}}}}}),
              200);
}

TEST(RequestOutline, KnowsTheMaximumThatIsRequested) {
    const auto most = [](const std::string& input) {
        return outline_request(input)->output_tokens_max;
    };
    EXPECT_EQ(most(R"({"prompt":"a"})"), std::nullopt);
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":50})"), 50);
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":50,"n":3})"), 150);
    EXPECT_EQ(most(R"({"messages":[],"max_completion_tokens":7,"max_tokens":9})"), 7);
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":18446744073709551615,"n":9})"), 1'000'000'000);
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":99999999999999999999,"n":9})"), 1'000'000'000);
    for (const auto* odd : {"\"many\"", "5.0", "5e1", "-5", "null", "[5]"}) {
        EXPECT_EQ(most(fmt::format(R"({{"prompt":"a","max_tokens":{}}})", odd)), std::nullopt);
    }
    EXPECT_EQ(most(R"({"prompt":"a","max_tokens":5,"max_tokens":6})"), 6);
    EXPECT_EQ(most(R"({"input":"a"})"), 0);
}

TEST(RequestOutline, KnowsHowManyAnswersToExpect) {
    const auto answers = [](const char* input) { return outline_request(input)->answers; };
    EXPECT_EQ(answers(R"({"messages":[]})"), 1U);
    EXPECT_EQ(answers(R"({"messages":[],"n":null})"), 1U);
    EXPECT_EQ(answers(R"({"messages":[],"n":3})"), 3U);
    EXPECT_EQ(answers(R"({"prompt":["a","b"]})"), 2U);
    EXPECT_EQ(answers(R"({"prompt":["a","b"],"n":2})"), 4U);
    EXPECT_EQ(answers(R"({"prompt":[1,2,3]})"), 1U);
    EXPECT_EQ(answers(R"({"prompt":[[1,2],[3]]})"), 2U);
    EXPECT_EQ(answers(R"({"prompt":[]})"), 1U);
    EXPECT_EQ(answers(R"({"input":["a","b","c"]})"), 3U);
    EXPECT_EQ(answers(R"({"input":"a"})"), 1U);
    for (const auto* odd : {R"({"messages":[],"n":"2"})", R"({"messages":[],"n":0})",
                            R"({"messages":[],"n":-1})", R"({"image_prompt":"a","n":2})"}) {
        EXPECT_EQ(answers(odd), std::nullopt) << odd;
    }
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
    EXPECT_FALSE(outline_request(json{{"prompt", std::vector<int>(1024, 1)}}.dump())->prefix);
    EXPECT_EQ(outline_request(json{{"prompt", {beginning, "a"}}}.dump())->prefix,
              prompt(beginning));
}

// They decide together which jobs follow each other, and on which endpoint.
TEST(RequestOutline, PrefixesAreTheSameWithoutTheRest) {
    const std::string text(300, 'x');
    const json parts{{{"type", "text"}, {"text", text}}};
    for (const json& input : {json{{"prompt", text}}, json{{"prompt", {"a", text}}},
                              json{{"input", text}}, json{{"image_prompt", text}},
                              json{{"messages", {{{"role", "user"}, {"content", parts}}}}},
                              json{{"messages", {{{"content", "a"}}, {{"content", text}}}}}}) {
        EXPECT_EQ(request_prefix(input.dump()), outline_request(input.dump())->prefix) << input;
    }
    EXPECT_TRUE(request_prefix(json{{"messages", {{{"content", parts}}}}}.dump()));
}

}  // namespace
}  // namespace millrace::backends::openai
