#include "worker/backends/openai/endpoint_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "worker/backends/http/server_text.h"
#include "worker/backends/outcomes.h"

namespace millrace::worker {
namespace {

using nlohmann::json;

constexpr std::size_t kCodeBytesMax = 64;
constexpr std::string_view kContextCode = "context_length_exceeded";

OutcomeKind kind_of(long status) {
    if (status == 429 || status == 503 || status == 529) return OutcomeKind::kRateLimited;
    if (status == 408 || status == 409 || status == 425) return OutcomeKind::kRetryable;
    return status >= 500 ? OutcomeKind::kRetryable : OutcomeKind::kPermanent;
}

// What a server says about its error: {"error":{…}} (OpenAI), {"error":"text"} (Ollama, Triton),
// the members at the top (vLLM of old), {"detail":"text"} (FastAPI), or plain text.
struct Said {
    std::string code;  // Empty when it is no word that programs can use.
    std::string message;
    long status = 0;  // A numeric code.
};

std::string string_member(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string as_code(std::string text) {
    const auto odd = [](char c) {
        return !std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.';
    };
    if (text.size() > kCodeBytesMax || std::any_of(text.begin(), text.end(), odd)) return {};
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

Said said_by(const json& error) {
    Said said;
    if (error.is_string()) said.message = one_line(error.get_ref<const std::string&>());
    if (!error.is_object()) return said;
    said.message = one_line(string_member(error, "message"));
    said.code = as_code(string_member(error, "code"));
    const auto code = error.find("code");
    if (code != error.end() && code->is_number_integer()) said.status = code->get<long>();
    if (said.code.empty()) said.code = as_code(string_member(error, "type"));
    return said;
}

Said said_by_body(std::string_view body) {
    const auto parsed = json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_object()) return {.message = one_line(body)};
    if (const auto error = parsed.find("error"); error != parsed.end()) return said_by(*error);
    auto said = said_by(parsed);
    if (said.message.empty()) said.message = one_line(string_member(parsed, "detail"));
    return said;
}

bool is_about_context(const Said& said) {
    if (said.code == kContextCode || said.code == "exceed_context_size_error") return true;
    return said.message.find("maximum context length") != std::string::npos;
}

Outcome outcome_of(Said said, long status, std::string_view prefix) {
    auto kind = kind_of(status);
    if (is_about_context(said)) {
        kind = OutcomeKind::kPermanent;
        said.code = kContextCode;
    }
    if (said.code.empty()) said.code = fmt::format("http_{}", status);
    auto message = std::string(prefix);
    if (!said.message.empty()) message += ": " + said.message;
    return failed_outcome(kind, std::move(said.code), std::move(message));
}

}  // namespace

Outcome http_error_outcome(const HttpError& error) {
    auto outcome = outcome_of(said_by_body(error.body), error.status,
                              fmt::format("the endpoint answered {}", error.status));
    if (outcome.kind == OutcomeKind::kRateLimited) outcome.retry_after = error.retry_after;
    return outcome;
}

Outcome error_object_outcome(const json& error) {
    auto said = said_by(error);
    const bool has_status = said.status >= 400 && said.status <= 599;
    const long status = has_status ? said.status : 500;
    if (!has_status && said.code.empty()) said.code = "endpoint_error";
    return outcome_of(std::move(said), status, "the endpoint failed after it had begun to answer");
}

Outcome invalid_response(std::string_view what) {
    return failed_outcome(OutcomeKind::kRetryable, "invalid_response",
                          fmt::format("the endpoint's answer is not OpenAI's: {}", what));
}

Outcome stream_truncated() {
    return failed_outcome(OutcomeKind::kRetryable, "stream_truncated",
                          "the endpoint's answer ended in the middle");
}

Outcome generation_aborted() {
    return failed_outcome(OutcomeKind::kRetryable, "generation_aborted",
                          "the endpoint gave up the generation");
}

Outcome endpoint_unreachable(std::string_view endpoint, std::string_view why) {
    return failed_outcome(OutcomeKind::kRateLimited, "endpoint_unreachable",
                          fmt::format("cannot connect to {}: {}", endpoint, why));
}

Outcome endpoint_stalled(std::string_view endpoint, milliseconds silence) {
    return failed_outcome(OutcomeKind::kRetryable, "endpoint_stalled",
                          fmt::format("{} sent nothing for {} ms (backend.openai.stall_timeout)",
                                      endpoint, silence.count()));
}

}  // namespace millrace::worker
