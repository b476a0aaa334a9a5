#include "worker/backends/openai/outage_words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "common/base/text.h"

namespace millrace::backends::openai {
namespace {

// In lower case.
constexpr std::array kBeginnings{
    std::string_view("connection error"),                // LiteLLM whose server is down
    std::string_view("cannot connect to host"),          // aiohttp behind a gateway
    std::string_view("server disconnected"),             // the same
    std::string_view("all connection attempts failed"),  // httpx
    std::string_view("connection refused"),
    std::string_view("connection reset by peer"),
    std::string_view("dial tcp"),  // Go
    std::string_view("read tcp"),  // the same
    std::string_view("open webui: server connection error"),
    std::string_view("upstream connect error"),  // Envoy
    std::string_view("no healthy upstream"),     // the same
    std::string_view("bad gateway"),
    std::string_view("502 bad gateway"),                         // nginx
    std::string_view("model runner has unexpectedly stopped"),   // Ollama
    std::string_view("llama runner process has terminated"),     // the same
    std::string_view("llama-server process has terminated"),     // Ollama since its runner is that
    std::string_view("rpc error: code = unavailable"),           // LocalAI
    std::string_view("proxy error: failed to read connection"),  // llama.cpp's router
    std::string_view("proxy error: could not establish connection"),  // the same
    std::string_view("enginecore encountered an issue"),              // vLLM
    std::string_view("background loop has errored"),                  // older vLLM
    std::string_view("background loop is stopped"),                   // the same
    std::string_view("loading model"),                                // llama.cpp
    std::string_view("model is currently loading"),
    std::string_view("model is overloaded"),  // TGI
};
constexpr std::string_view kDeadEngineCode = "engine_dead_error";  // vLLM
constexpr std::string_view kDeadEngine = "enginedeaderror";

bool is_of_a_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_';
}

// The length of an exception's name, which Python puts before the message, with its separator:
// "litellm.InternalServerError: ", "OpenAIException - ", "[Errno 111] ". 0 if there is none.
std::size_t exception_name(std::string_view words) {
    if (words.starts_with("[errno ")) {
        const auto end = words.find("] ");
        return end == std::string_view::npos ? 0 : end + 2;
    }
    const auto end =
        static_cast<std::size_t>(std::ranges::find_if_not(words, is_of_a_name) - words.begin());
    const auto name = words.substr(0, end);
    if (!name.ends_with("error") && !name.ends_with("exception")) return 0;
    const auto rest = words.substr(end);
    if (rest.starts_with(": ")) return end + 2;
    return rest.starts_with(" - ") ? end + 3 : 0;
}

// The length of the prefix that Go programs put before the message: the action and the address. 0
// if there is none.
std::size_t failed_request(std::string_view words) {
    for (const std::string_view doing : {"do request failed: ",                       // new-api
                                         "post predict: ", "do embedding request: ",  // Ollama
                                         "could not load model: "}) {                 // LocalAI
        if (words.starts_with(doing)) return doing.size();
    }
    for (const std::string_view method : {"post", "get", "put", "head"}) {
        if (!words.starts_with(method)) continue;
        const auto url = words.substr(method.size());
        if (!url.starts_with(" \"http://") && !url.starts_with(" \"https://")) return 0;
        const auto end = url.find_first_of("\" ", 2);
        const bool is_whole = end != std::string_view::npos && url.substr(end).starts_with("\": ");
        return is_whole ? method.size() + end + 3 : 0;
    }
    return 0;
}

}  // namespace

bool is_about_an_outage(std::string_view code, std::string_view message) {
    if (code == kDeadEngineCode) return true;
    const auto low = lower(message);
    std::string_view words = low;
    for (;;) {
        const auto size = std::max(exception_name(words), failed_request(words));
        if (size == 0) break;
        if (words.starts_with(kDeadEngine)) return true;
        words.remove_prefix(size);
    }
    return std::ranges::any_of(kBeginnings,
                               [&](std::string_view begin) { return words.starts_with(begin); });
}

}  // namespace millrace::backends::openai
