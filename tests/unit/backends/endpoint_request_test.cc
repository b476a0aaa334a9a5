#include "worker/backends/openai/endpoint_request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace millrace::worker {
namespace {

using nlohmann::json;

TEST(EndpointRequest, PassesTheInputOnAndStreams) {
    const auto request = make_endpoint_request(
        R"({"messages":[{"role":"user","content":"hi"}],"tools":[1],"model":"ours","stream":false,
            "stream_options":{"include_obfuscation":false},"temperature":0.25})",
        "theirs");
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->path, "/chat/completions");
    EXPECT_TRUE(request->stream);
    EXPECT_EQ(json::parse(request->body), json::parse(R"({
        "messages":[{"role":"user","content":"hi"}],"tools":[1],"model":"theirs","stream":true,
        "stream_options":{"include_obfuscation":false,"include_usage":true},
        "temperature":0.25})"));
}

TEST(EndpointRequest, ChoosesThePathByTheInput) {
    const auto prompt = make_endpoint_request(R"({"prompt":["a","b"]})", "m");
    ASSERT_TRUE(prompt.has_value());
    EXPECT_EQ(prompt->path, "/completions");
    EXPECT_TRUE(prompt->stream);
    const auto input = make_endpoint_request(R"({"input":[1,2],"stream":true})", "m");
    ASSERT_TRUE(input.has_value());
    EXPECT_EQ(input->path, "/embeddings");
    EXPECT_FALSE(input->stream);
    EXPECT_EQ(json::parse(input->body), json::parse(R"({"input":[1,2],"model":"m"})"));
    EXPECT_FALSE(make_endpoint_request(R"({"text":"a"})", "m").has_value());
}

TEST(BaseUrl, IsNormalised) {
    EXPECT_EQ(*normal_base_url("http://127.0.0.1:8000"), "http://127.0.0.1:8000/v1");
    EXPECT_EQ(*normal_base_url("http://127.0.0.1:8000/"), "http://127.0.0.1:8000/v1");
    EXPECT_EQ(*normal_base_url("https://a.example/v1/"), "https://a.example/v1");
    EXPECT_EQ(*normal_base_url("https://a.example/openai/v1"), "https://a.example/openai/v1");
    EXPECT_EQ(*normal_base_url("http://[::1]:8000"), "http://[::1]:8000/v1");
}

TEST(BaseUrl, IsRefusedWithoutRepeatingSecrets) {
    for (const auto* text : {"", "127.0.0.1:8000", "ftp://a.example", "http://me:secret@a.example",
                             "http://a.example/v1?key=secret", "http://a.example/v1#secret"}) {
        const auto url = normal_base_url(text);
        ASSERT_FALSE(url.has_value()) << text;
        EXPECT_EQ(url.error().message.find("secret"), std::string::npos) << url.error().message;
    }
}

TEST(ModelNames, MapOursToTheServers) {
    const auto names = parse_model_names({"plain", "ours=org/theirs=v2"});
    ASSERT_TRUE(names.has_value());
    EXPECT_EQ(names->at("plain"), "plain");
    EXPECT_EQ(names->at("ours"), "org/theirs=v2");
    EXPECT_FALSE(parse_model_names({"a", "a=b"}).has_value());
    EXPECT_FALSE(parse_model_names({"=b"}).has_value());
    EXPECT_FALSE(parse_model_names({"a="}).has_value());
}

TEST(ModelList, IsReadFromTheAnswer) {
    const auto ids = parse_model_list(R"({"object":"list","data":[{"id":"a"},{"id":"b"}]})");
    ASSERT_TRUE(ids.has_value());
    EXPECT_EQ(*ids, (std::vector<std::string>{"a", "b"}));
    for (const auto* body :
         {"", "[]", "{}", R"({"data":5})", R"({"data":[{}]})", R"({"data":[1]})"}) {
        EXPECT_FALSE(parse_model_list(body).has_value()) << body;
    }
}

}  // namespace
}  // namespace millrace::worker
