// Helpers for the tests of the openai backend: a backend against fake servers, and answers for
// these to give.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "tests/support/fake_server.h"
#include "tests/unit/backends/recording_sink.h"
#include "worker/backends/openai/openai_backend.h"

namespace millrace::backends {

inline constexpr auto kChat = R"({"messages":[{"role":"user","content":"hi"}],"temperature":0})";
inline constexpr auto kChatEnd = R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";

inline std::string chat_delta(const std::string& text) {
    using nlohmann::json;
    return json{{"id", "c1"}, {"choices", {{{"index", 0}, {"delta", {{"content", text}}}}}}}.dump();
}

inline void answer_hello(test::Exchange& exchange) {
    exchange.begin_stream();
    exchange.event(chat_delta("Hel"));
    exchange.event(chat_delta("lo"));
    exchange.event(kChatEnd);
    exchange.event(R"({"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}})");
    exchange.event("[DONE]");
    exchange.end_stream();
}

class OpenAi : public testing::Test {
 protected:
    // The servers serve "m" and are not asked for their kind, unless the options say otherwise.
    void start(openai::OpenAiOptions options) {
        if (options.models.empty()) options.models = {"m"};
        if (options.profile == "auto") options.profile = "generic";
        backend_ = std::make_unique<openai::OpenAiBackend>(std::move(options));
        const auto status = backend_->start(sink_);
        ASSERT_TRUE(status.has_value()) << status.error().message;
    }
    void start_with(test::FakeServer::Handler handler, openai::OpenAiOptions options = {}) {
        backend_.reset();
        server_ = std::make_unique<test::FakeServer>(std::move(handler));
        options.base_urls = {server_->url()};
        start(std::move(options));
    }
    AttemptKey run(const std::string& input = kChat, const std::string& model = "m") {
        return run_one(*backend_, {.model = model, .input = input});
    }
    Outcome outcome_of(const std::string& input = kChat, const std::string& model = "m") {
        return sink_.outcome(run(input, model));
    }

    RecordingSink sink_;
    std::unique_ptr<test::FakeServer> server_;
    std::unique_ptr<openai::OpenAiBackend> backend_;
};

}  // namespace millrace::backends
