// The llama backend on the small real model, with one thread and four sequences.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/backends/recording_sink.h"
#include "worker/backends/llama/llama_backend.h"

namespace millrace::backends {

inline constexpr int kSlots = 4;
inline constexpr int kContext = 512;  // For each slot.

inline std::string model_path() {
    const char* cache = std::getenv("MILLRACE_CACHE");
    const char* home = std::getenv("HOME");
    const std::string folder = cache ? cache : fmt::format("{}/.cache/millrace", home ? home : "");
    return folder + "/models/SmolLM2-135M-Instruct.Q4_1.gguf";
}

inline std::string chat(const std::string& text,
                        const nlohmann::json& more = nlohmann::json::object()) {
    nlohmann::json input{{"messages", {{{"role", "user"}, {"content", text}}}}};
    input.update(more);
    return input.dump();
}

inline std::string words(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "river ";
    return text;
}

inline llama::LlamaOptions options() {
    return {.model_path = model_path(),
            .name = "m",
            .slots = kSlots,
            .context_tokens = kSlots * kContext,
            // Several threads wait for each other by spinning, which takes minutes on a busy
            // machine (docs/backends.md).
            .threads = 1,
            .output_tokens_default = 24};
}

class LlamaFixture : public testing::Test {
 protected:
    explicit LlamaFixture(const llama::LlamaOptions& changed = options()) : backend_(changed) {}

    void SetUp() override {
        if (!std::filesystem::exists(model_path())) {
            FAIL() << "there is no model at " << model_path() << "; run deploy/fetch-llama.sh";
        }
        const auto status = backend_.start(sink_);
        ASSERT_TRUE(status.has_value()) << status.error().message;
    }
    AttemptKey run(const std::string& input) {
        return run_one(backend_, {.model = "m", .input = input});
    }
    Outcome outcome_of(const std::string& input) { return sink_.outcome(run(input)); }
    static std::string text_of(const Outcome& outcome) {
        return nlohmann::json::parse(outcome.output_json)["choices"][0]["message"]["content"];
    }

    RecordingSink sink_;
    llama::LlamaBackend backend_;
};

}  // namespace millrace::backends
