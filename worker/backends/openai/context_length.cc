#include "worker/backends/openai/context_length.h"

#include <algorithm>
#include <array>
#include <string>

#include "common/base/text.h"

namespace millrace::backends::openai {
namespace {

// In lower case. A message must contain all parts, so that a word alone decides nothing.
struct Wording {
    std::string_view first;
    std::string_view second = {};
};

constexpr std::array kCodes{
    std::string_view("context_length_exceeded"),    // OpenAI, Azure, Groq, DeepSeek
    std::string_view("exceed_context_size_error"),  // llama.cpp
    std::string_view("context_window_exceeded"),    // gateways
    std::string_view("context_window_exceeded_error"),
};

constexpr std::array kWordings{
    // OpenAI, vLLM, Mistral, DeepSeek, Fireworks, and LiteLLM in front of any of them.
    Wording{"maximum context length"},
    Wording{"contextwindowexceedederror"},
    Wording{"context window", "exceed"},  // llama-cpp-python, LiteLLM
    Wording{"context length", "exceed"},  // Ollama: "the input length exceeds the context length"
    Wording{"longer than", "context length"},        // SGLang
    Wording{"longer than", "maximum model length"},  // vLLM: "The decoder prompt (length …)"
    Wording{"context length of only"},               // LM Studio
    Wording{"context size", "exceed"},               // llama.cpp
    Wording{"`inputs` tokens + `max_new_tokens` must be"},     // TGI
    Wording{"`inputs` must have less than", "tokens"},         // TGI, its embeddings
    Wording{"too large to process", "batch size"},             // llama.cpp's embeddings
    Wording{"prompt is too long"},                             // Anthropic's compatible API
    Wording{"maximum prompt length is"},                       // xAI
    Wording{"input token count", "exceeds the maximum"},       // Gemini's compatible API
    Wording{"prompt length", "exceeds maximum input length"},  // TensorRT-LLM
    Wording{"reduce the length of the messages"},              // Groq, Cerebras
    Wording{"input is too long for requested model"},          // Bedrock behind a gateway
};

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace

bool is_about_context(std::string_view code, std::string_view message) {
    if (std::ranges::find(kCodes, code) != kCodes.end()) return true;
    const auto text = lower(message);
    return std::ranges::any_of(kWordings, [&](const Wording& wording) {
        return contains(text, wording.first) && contains(text, wording.second);
    });
}

}  // namespace millrace::backends::openai
