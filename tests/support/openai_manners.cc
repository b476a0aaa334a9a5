#include "tests/support/openai_manners.h"

#include <fmt/format.h>

namespace millrace::test {
namespace {

using Events = std::vector<std::string>;

constexpr auto kUsage = R"("usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6})";
constexpr auto kEmbeddings =
    R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.50,-2]}],)"
    R"("model":"m","usage":{"prompt_tokens":4,"total_tokens":4}})";

std::string model_list(std::string_view owner, std::string_view id = "m") {
    return fmt::format(R"({{"object":"list","data":[)"
                       R"({{"id":"{}","object":"model","created":1,"owned_by":"{}"}}]}})",
                       id, owner);
}

// A chunk with one choice; `rest` follows the finish reason or the choices.
std::string chunk(std::string_view delta, std::string_view finish = "null",
                  std::string_view in_choice = "", std::string_view in_chunk = "") {
    return fmt::format(
        R"({{"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","choices":[)"
        R"({{"index":0,"delta":{},"finish_reason":{}{}}}]{}}})",
        delta, finish, in_choice, in_chunk);
}

std::string usage_chunk(std::string_view choices = "[]") {
    return fmt::format(
        R"({{"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","choices":{},{}}})",
        choices, kUsage);
}

std::string call(std::string_view head, std::string_view name, std::string_view arguments) {
    return fmt::format(R"({{"tool_calls":[{{{},"function":{{"name":{},"arguments":"{}"}}}}]}})",
                       head, name, arguments);
}

OpenAiManner vllm() {
    return {.name = "vllm",
            .profile = "vllm",
            .model_list = model_list("vllm"),
            .chat = {chunk(R"({"role":"assistant","content":""})", "null", R"(,"logprobs":null)"),
                     chunk(R"({"content":"Hel"})"), chunk(R"({"content":"lo"})"),
                     chunk("{}", R"("stop")", R"(,"stop_reason":null)"), usage_chunk(), "[DONE]"},
            // Some versions made a new id for every piece.
            .tool_calls = {chunk(R"({"role":"assistant","content":null})"),
                           chunk(call(R"("id":"t1","type":"function","index":0)", R"("f")", "")),
                           chunk(R"({"tool_calls":[{"id":"t8","type":"function","index":0,)"
                                 R"("function":{"arguments":"{\"x\""}}]})"),
                           chunk(R"({"tool_calls":[{"id":"t9","index":0,)"
                                 R"("function":{"arguments":":1}"}}]})"),
                           chunk(call(R"("id":"t2","type":"function","index":1)", R"("g")", "{}")),
                           chunk("{}", R"("tool_calls")"), usage_chunk(), "[DONE]"},
            .failure = {R"({"error":{"message":"EngineCore encountered an issue.",)"
                        R"("type":"InternalServerError","param":null,"code":500}})",
                        "[DONE]"},
            .too_long = {400, R"({"error":{"message":"This model's maximum context length is 4096 )"
                              R"(tokens. However, you requested 5000 tokens.",)"
                              R"("type":"BadRequestError","param":null,"code":400}})"},
            .busy = {503, R"({"error":{"message":"The server is busy.","type":"Overloaded"}})"},
            .embeddings = {200, kEmbeddings}};
}

OpenAiManner sglang() {
    constexpr auto kNothing = R"({"role":null,"content":null,"reasoning_content":null,)"
                              R"("tool_calls":null})";
    return {
        .name = "sglang",
        .profile = "sglang",
        .model_list = model_list("sglang"),
        .chat = {chunk(R"({"role":"assistant","content":""})"),
                 chunk(R"({"role":null,"content":"Hel","tool_calls":null})"),
                 chunk(R"({"role":null,"content":"lo","tool_calls":null})"),
                 chunk(kNothing, R"("stop")", R"(,"matched_stop":2)"), usage_chunk(), "[DONE]"},
        .tool_calls = {chunk(call(R"("id":"t1","index":0,"type":"function")", R"("f")", "")),
                       chunk(
                           call(R"("id":null,"index":0,"type":"function")", "null", R"({\"x\":)")),
                       chunk(call(R"("id":null,"index":0,"type":"function")", "null", "1}")),
                       chunk(call(R"("id":"t2","index":1,"type":"function")", R"("g")", "")),
                       chunk(call(R"("id":null,"index":1,"type":"function")", "null", "{}")),
                       chunk(kNothing, R"("tool_calls")"), usage_chunk(), "[DONE]"},
        .failure = {chunk("{}", R"("abort")"), "[DONE]"},
        .too_long = {400, R"({"object":"error","message":"The input (5000 tokens) is longer than )"
                          R"(the model's context length (4096 tokens).",)"
                          R"("type":"BadRequestError","param":null,"code":400})"},
        .busy = {503, R"({"object":"error","message":"The request queue is full.","code":503})"},
        .embeddings = {200, kEmbeddings}};
}

OpenAiManner tgi() {
    const auto piece = [](std::string_view id, std::string_view name, std::string_view arguments,
                          int index) {
        return chunk(
            fmt::format(R"({{"role":"assistant","tool_calls":{{"index":{},"id":"{}",)"
                        R"("type":"function","function":{{"name":{},"arguments":"{}"}}}}}})",
                        index, id, name, arguments));
    };
    return {
        .name = "tgi",
        .profile = "tgi",
        .model_list = model_list("m"),
        .data_field = "data:",
        .chat = {chunk(R"({"role":"assistant","content":"Hel"})", "null", R"(,"logprobs":null)",
                       R"(,"usage":null)"),
                 chunk(R"({"role":"assistant","content":"lo"})", "null", "", R"(,"usage":null)"),
                 chunk(R"({"role":"assistant","content":""})", R"("stop")", "", R"(,"usage":null)"),
                 usage_chunk(), "[DONE]"},
        .tool_calls = {piece("t1", R"("f")", "", 0), piece("", "null", R"({\"x\")", 0),
                       piece("", "null", ":1}", 0), piece("t2", R"("g")", "{}", 1),
                       chunk(R"({"role":"assistant","content":""})", R"("eos_token")"),
                       usage_chunk(), "[DONE]"},
        .failure = {R"({"error":"Request failed during generation","error_type":"generation"})"},
        .too_long = {422, R"({"error":"Input validation error: `inputs` tokens + )"
                          R"(`max_new_tokens` must be <= 2048. Given: 3000 `inputs` tokens and )"
                          R"(512 `max_new_tokens`","error_type":"validation"})"},
        .busy = {429, R"({"error":"Model is overloaded","error_type":"overloaded"})"}};
}

OpenAiManner llama_cpp() {
    return {
        .name = "llama.cpp",
        .profile = "llama.cpp",
        .model_list = model_list("llamacpp"),
        .chat = {chunk(R"({"role":"assistant","content":null})"), chunk(R"({"content":"Hel"})"),
                 chunk(R"({"content":"lo"})"), chunk("{}", R"("stop")"),
                 R"({"choices":[],"created":5,"id":"c1","model":"m",)" + std::string(kUsage) +
                     R"(,"timings":{"prompt_n":4,"prompt_ms":18.90}})",
                 "null", "[DONE]"},
        .tool_calls = {chunk(R"({"role":"assistant","content":null})"),
                       chunk(call(R"("index":0,"id":"t1","type":"function")", R"("f")", "{")),
                       chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"\"x\":1}"}}]})"),
                       chunk(call(R"("index":1,"id":"t2","type":"function")", R"("g")", "{}")),
                       chunk("{}", R"("tool_calls")"), usage_chunk(), "[DONE]"},
        .failure = {R"({"error":{"code":500,"message":"Compute error.","type":"server_error"}})"},
        .too_long = {400, R"({"error":{"code":400,"message":"the request exceeds the available )"
                          R"(context size, try increasing it",)"
                          R"("type":"exceed_context_size_error","n_prompt_tokens":5000}})"},
        .busy = {503, R"({"error":{"code":503,"message":"Loading model",)"
                      R"("type":"unavailable_error"}})"},
        .embeddings = {200, kEmbeddings}};
}

OpenAiManner ollama() {
    return {
        .name = "ollama",
        .profile = "ollama",
        .model_list = model_list("library"),
        .chat = {chunk(R"({"role":"assistant","content":"Hel"})"),
                 chunk(R"({"role":"assistant","content":"lo"})"),
                 chunk(R"({"role":"assistant","content":""})", R"("stop")"), usage_chunk(),
                 "[DONE]"},
        // Sends every call whole, all with the first index.
        .tool_calls = {chunk(call(R"("index":0,"id":"t1","type":"function")", R"("f")",
                                  R"({\"x\":1})")),
                       chunk(call(R"("index":0,"id":"t2","type":"function")", R"("g")", "{}")),
                       chunk(R"({"role":"assistant","content":""})", R"("tool_calls")"),
                       usage_chunk(), "[DONE]"},
        .failure = {R"({"error":{"message":"an error was encountered while running the model",)"
                    R"("type":"api_error","param":null,"code":null}})"},
        .too_long = {400, R"({"error":{"message":"the input length exceeds the context length",)"
                          R"("type":"invalid_request_error","param":null,"code":null}})"},
        .busy = {503, R"({"error":{"message":"server busy, please try again. maximum pending )"
                      R"(requests exceeded","type":"api_error"}})"},
        .embeddings = {200, kEmbeddings}};
}

OpenAiManner localai() {
    constexpr auto kZeros =
        R"(,"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})";
    return {.name = "localai",
            .profile = "generic",
            .model_list = R"({"object":"list","data":[{"id":"m","object":"model"}]})",
            .chat = {chunk(R"({"role":"assistant","content":""})", R"("")", "", kZeros),
                     chunk(R"({"content":"Hel"})", R"("")", "", kZeros),
                     chunk(R"({"content":"lo"})", R"("")", "", kZeros),
                     chunk(R"({"content":""})", R"("stop")", "", kZeros), "[DONE]"},
            .tool_calls =
                {chunk(call(R"("index":0,"id":"t1","type":"function")", R"("f")", ""), R"("")"),
                 chunk(call(R"("index":0,"id":"t1","type":"function")", R"("f")", R"({\"x\":1})"),
                       R"("")"),
                 chunk(call(R"("index":1,"id":"t2","type":"function")", R"("g")", ""), R"("")"),
                 chunk(call(R"("index":1,"id":"t2","type":"function")", R"("g")", "{}"), R"("")"),
                 chunk(R"({"content":""})", R"("tool_calls")"), "[DONE]"},
            .failure = {R"({"error":{"code":500,"message":"rpc error: code = Unknown","type":""}})",
                        "[DONE]"},
            .counts = false,
            .embeddings = {200, kEmbeddings}};
}

OpenAiManner litellm() {
    return {
        .name = "litellm",
        .profile = "cloud",
        .model_list = model_list("openai"),
        .chat = {chunk(R"({"content":"Hel","role":"assistant"})"), chunk(R"({"content":"lo"})"),
                 chunk("{}", R"("stop")"), usage_chunk(R"([{"index":0,"delta":{}}])"), "[DONE]"},
        .tool_calls = {chunk(call(R"("index":0,"id":"t1","type":"function")", R"("f")", "")),
                       chunk(call(R"("index":0,"id":null,"type":"function")", "null",
                                  R"({\"x\":1})")),
                       chunk(call(R"("index":1,"id":"t2","type":"function")", R"("g")", "{}")),
                       chunk("{}", R"("tool_calls")"), usage_chunk(R"([{"index":0,"delta":{}}])"),
                       "[DONE]"},
        .failure = {R"({"error":{"message":"litellm.APIConnectionError: gone","type":null,)"
                    R"("param":null,"code":"500"}})"},
        .too_long = {400, R"({"error":{"message":"litellm.ContextWindowExceededError: This )"
                          R"(model's maximum context length is 4096 tokens.",)"
                          R"("type":"invalid_request_error","param":null,"code":"400"}})"},
        .busy = {429, R"({"error":{"message":"litellm.RateLimitError: slow down",)"
                      R"("type":"throttling_error","param":null,"code":"429"}})"},
        .embeddings = {200, kEmbeddings}};
}

OpenAiManner gemini() {
    const auto usage = "," + std::string(kUsage);
    return {
        .name = "gemini",
        .profile = "generic",
        .model_list = model_list("google"),
        .end_of_line = "\r\n",
        .chat = {R"({"choices":[{"delta":{"content":"Hel","role":"assistant"},"index":0}],)"
                 R"("created":5,"id":"c1","model":"m","object":"chat.completion.chunk"})",
                 chunk(R"({"content":"lo","role":"assistant"})", R"("stop")", "", usage), "[DONE]"},
        .tool_calls = {chunk(call(R"("extra_content":{"google":{"thought_signature":"QQ=="}},)"
                                  R"("id":"t1","index":0,"type":"function")",
                                  R"("f")", R"({\"x\":1})")),
                       chunk(call(R"("id":"t2","index":0,"type":"function")", R"("g")", "{}")),
                       chunk(R"({"role":"assistant"})", R"("tool_calls")", "", usage), "[DONE]"},
        .failure = {R"([{"error":{"code":500,"message":"Internal","status":"INTERNAL"}}])"},
        .too_long = {400,
                     R"([{"error":{"code":400,"message":"The input token count (5000) exceeds )"
                     R"(the maximum number of tokens allowed (4096).",)"
                     R"("status":"INVALID_ARGUMENT"}}])"},
        .busy = {503, R"([{"error":{"code":503,"message":"The model is overloaded.",)"
                      R"("status":"UNAVAILABLE"}}])"},
        .embeddings = {200, R"({"object":"list","data":[{"object":"embedding","index":0,)"
                            R"("embedding":[1.50,-2]}],"model":"m"})"}};
}

OpenAiManner azure() {
    constexpr auto kFilters =
        R"(,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}})";
    return {
        .name = "azure",
        .profile = "generic",
        .model_list =
            R"({"object":"list","data":[{"id":"m","object":"model","status":"succeeded"}]})",
        .chat = {R"({"choices":[],"created":0,"id":"","model":"","object":"",)"
                 R"("prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]})",
                 chunk(R"({"content":"","refusal":null,"role":"assistant"})", "null", kFilters),
                 chunk(R"({"content":"Hel"})", "null", kFilters),
                 chunk(R"({"content":"lo"})", "null", kFilters), chunk("{}", R"("stop")"),
                 R"({"id":"","object":"","created":0,"model":"","choices":[{"index":0,)"
                 R"("finish_reason":null,"content_filter_offsets":{"check_offset":2}}]})",
                 usage_chunk(), "[DONE]"},
        .tool_calls = {chunk(call(R"("index":0,"id":"t1","type":"function")", R"("f")", "")),
                       chunk(
                           R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]})"),
                       chunk(call(R"("index":1,"id":"t2","type":"function")", R"("g")", "")),
                       chunk(R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})"),
                       chunk("{}", R"("tool_calls")"), usage_chunk(), "[DONE]"},
        .failure = {R"({"error":{"message":"The server had an error","type":"server_error"}})"},
        .too_long = {400, R"({"error":{"message":"This model's maximum context length is 4096 )"
                          R"(tokens.","type":"invalid_request_error","param":"messages",)"
                          R"("code":"context_length_exceeded"}})"},
        .busy = {429, R"({"error":{"code":"429","message":"Requests have exceeded the rate."}})",
                 "Retry-After: 7\r\n"},
        .embeddings = {200, kEmbeddings}};
}

}  // namespace

const std::vector<OpenAiManner>& openai_manners() {
    static const std::vector<OpenAiManner> manners{
        vllm(), sglang(), tgi(), llama_cpp(), ollama(), localai(), litellm(), gemini(), azure()};
    return manners;
}

FakeServer::Handler handler_of(const OpenAiManner& manner) {
    return [&manner](Exchange& exchange) {
        const auto has = [&](std::string_view word) {
            return exchange.body().find(word) != std::string::npos;
        };
        const auto answer = [&](const ScriptedAnswer& scripted) {
            exchange.reply(scripted.status, "application/json", scripted.body, scripted.headers);
        };
        const auto stream = [&](const Events& events, std::size_t count) {
            for (std::size_t i = 0; i < count; ++i) {
                exchange.stream_bytes(manner.data_field + events[i] + manner.end_of_line +
                                      manner.end_of_line);
            }
        };
        // The size of what is sent up to the end of the first word.
        std::size_t half = 0;
        while (manner.chat[half].find("Hel") == std::string::npos) ++half;
        ++half;

        const auto target = exchange.target();
        if (target.ends_with("/models")) return answer({200, manner.model_list});
        if (target.starts_with("GET ")) return answer({404, R"({"error":"not found"})"});
        if (target.ends_with("/embeddings")) return answer(manner.embeddings);
        if (has("too long")) return answer(manner.too_long);
        if (has("busy")) return answer(manner.busy);
        exchange.begin_stream();
        if (has("tools")) {
            stream(manner.tool_calls, manner.tool_calls.size());
        } else if (has("failure")) {
            stream(manner.chat, half);
            stream(manner.failure, manner.failure.size());
        } else if (has("cut")) {
            stream(manner.chat, half);
            return exchange.close();
        } else {
            stream(manner.chat, manner.chat.size());
        }
        exchange.end_stream();
    };
}

}  // namespace millrace::test
