#include "producer/cli/up/welcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli::up {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kUrl = "http://127.0.0.1:8080";

std::string welcome_to(const std::vector<std::string>& models, const BackendKinds& kinds,
                       const std::string& url = kUrl) {
    return welcome(models, kinds,
                   {.program = "millrace", .url = url, .default_url = kUrl, .logs = "/data/logs"});
}

TEST(Welcome, NamesTheModelsAndACommandForOneOfThem) {
    const auto text = welcome_to({"qwen", "synthetic", "zephyr"}, {.prompts = true});
    EXPECT_THAT(text, HasSubstr("Millrace is up at http://127.0.0.1:8080\n"));
    EXPECT_THAT(text, HasSubstr("models: qwen, zephyr, synthetic\n"));
    EXPECT_THAT(text, HasSubstr("try: millrace submit --wait -m qwen hello\n"));
    EXPECT_THAT(text, HasSubstr("logs: /data/logs (millrace logs -f)"));
    EXPECT_THAT(text, Not(HasSubstr("only the synthetic")));
}

TEST(Welcome, AsksAsTheModelsBackendExpects) {
    EXPECT_THAT(welcome_to({"gpt", "synthetic"}, {.chats = true}),
                HasSubstr("-m gpt --chat hello"));
    EXPECT_THAT(welcome_to({"BGE-small", "synthetic"}, {.chats = true}),
                HasSubstr(R"(-m BGE-small --input '{"input": "hello"}')"));
    EXPECT_THAT(welcome_to({"minilm", "synthetic"}, {.tensors = true}),
                HasSubstr("-m synthetic hello"));
    EXPECT_THAT(welcome_to({"minilm"}, {.tensors = true}), Not(HasSubstr("try:")));
    EXPECT_THAT(welcome_to({"m"}, {.prompts = true}), HasSubstr("-m m hello"));
}

// Its input depends on the backend, and who serves it is not known.
TEST(Welcome, TriesTheModelThatTakesAnyPrompt) {
    for (const auto& kinds : {BackendKinds{.prompts = true, .chats = true},
                              BackendKinds{.chats = true, .tensors = true},
                              BackendKinds{.prompts = true, .chats = false, .tensors = true}}) {
        EXPECT_THAT(welcome_to({"fake", "shout", "synthetic"}, kinds),
                    HasSubstr("try: millrace submit --wait -m synthetic hello\n"));
        EXPECT_THAT(welcome_to({"fake", "shout"}, kinds), Not(HasSubstr("try:")));
    }
}

TEST(Welcome, SaysWhereTheGatewayIsIfNotAtTheDefault) {
    EXPECT_THAT(welcome_to({"synthetic"}, {}, "http://127.0.0.1:9000"),
                HasSubstr("try: millrace --url http://127.0.0.1:9000 submit"));
    EXPECT_THAT(welcome_to({"synthetic"}, {}), Not(HasSubstr("--url")));
}

TEST(Welcome, SaysHowToServeARealModelIfThereIsNone) {
    EXPECT_THAT(welcome_to({"synthetic"}, {}), HasSubstr("only the synthetic model is served"));
    EXPECT_THAT(welcome_to({}, {}), Not(HasSubstr("models:")));
    // A real model counts even if no single line can show how to use it.
    EXPECT_THAT(welcome_to({"minilm", "synthetic"}, {.tensors = true}),
                Not(HasSubstr("only the synthetic")));
}

TEST(Welcome, QuotesWordsThatAShellWouldSplit) {
    const auto text = welcome({"my model"}, {.prompts = true},
                              {.program = "/my bin/millrace",
                               .url = kUrl,
                               .default_url = kUrl,
                               .logs = "/l",
                               .data_option = " --data '/a b'"});
    EXPECT_THAT(text, HasSubstr("try: '/my bin/millrace' submit --wait -m 'my model' hello"));
    EXPECT_THAT(text, HasSubstr("'/my bin/millrace' logs --data '/a b' -f"));
}

TEST(Welcome, NamesTheFirstOfManyModels) {
    std::vector<std::string> models;
    for (int i = 0; i < 300; ++i) models.push_back("model-" + std::to_string(i));
    EXPECT_THAT(welcome_to(models, {.chats = true}), HasSubstr("model-19 and 280 more"));
}

}  // namespace
}  // namespace millrace::cli::up
