#include "worker/backends/openai/endpoint_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/text.h"
#include "worker/backends/bounded_json.h"
#include "worker/backends/openai/context_length.h"
#include "worker/backends/openai/outage_words.h"
#include "worker/backends/outcomes.h"
#include "worker/backends/serving/answer_class.h"
#include "worker/backends/serving/outage.h"
#include "worker/backends/serving/server_text.h"

namespace millrace::backends::openai {
namespace {

using nlohmann::json;
using serving::AnswerClass;

constexpr std::size_t kCodeBytesMax = 64;
// The limit of errors inside errors, above what any server makes.
constexpr int kDepthMax = 4;
constexpr std::string_view kContextCode = "context_length_exceeded";
constexpr std::string_view kOutageCode = "endpoint_unavailable";
constexpr std::string_view kLostCode = "connection_lost";
constexpr std::string_view kStalledCode = "endpoint_stalled";
constexpr std::string_view kModelCode = "model_not_found";
// Longer than the time to the next survey, which shows whether the server has the model.
constexpr milliseconds kModelRest{6'000};
// A job that found no place does not look for one again sooner.
constexpr milliseconds kPlaceRestMin{1'000};

// The error as a server describes it: {"error":{…}} (OpenAI), {"error":"text"} (Ollama, Triton),
// the members at the top (older vLLM), {"detail":…} (FastAPI), one of these in a list (Gemini), a
// page of HTML, or plain text.
struct Said {
    std::string code;  // Empty unless it is a word that programs can use.
    std::string message;
    long status = 0;  // A numeric code, even if its digits are a string.
    bool is_json = true;
};

std::string string_member(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Turns "BadRequestError" into bad_request_error.
std::string snake_case(const std::string& text) {
    const auto is_upper = [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; };
    const auto is_lower = [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0; };
    std::string snake;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool begins =
            i > 0 && is_upper(text[i]) &&
            (is_lower(text[i - 1]) ||
             (is_upper(text[i - 1]) && i + 1 < text.size() && is_lower(text[i + 1])));
        if (begins) snake += '_';
        snake += static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
    }
    return snake;
}

// Empty unless it is a word: numbers, "None" and sentences are not.
std::string as_code(const std::string& text) {
    const auto odd = [](char c) {
        return !std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.';
    };
    if (text.size() > kCodeBytesMax || std::ranges::any_of(text, odd)) return {};
    if (std::ranges::all_of(text, is_digit)) return {};
    auto code = snake_case(text);
    return code == "none" || code == "null" ? std::string() : code;
}

long as_status(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return 0;
    long status = 0;
    if (found->is_number_integer()) status = found->get<long>();
    if (found->is_string()) {
        const auto& text = found->get_ref<const std::string&>();
        std::from_chars(text.data(), text.data() + text.size(), status);
    }
    return status >= 400 && status <= 599 ? status : 0;
}

Said said_by(const json& error, int depth = 0) {
    Said said;
    if (depth >= kDepthMax) return said;
    if (error.is_string())
        said.message = serving::title_or_all(error.get_ref<const std::string&>());
    if (error.is_array() && !error.empty()) return said_by(error.front(), depth + 1);
    if (!error.is_object()) return said;
    // The innermost error is the most precise.
    for (const auto* name : {"error", "detail", "errors"}) {
        const auto found = error.find(name);
        if (found == error.end() || found->is_null()) continue;
        said = said_by(*found, depth + 1);
        break;
    }
    if (said.message.empty()) said.message = serving::one_line(string_member(error, "message"));
    if (said.message.empty()) said.message = serving::one_line(string_member(error, "msg"));
    for (const auto* name : {"code", "type", "error_type", "status"}) {
        if (said.code.empty()) said.code = as_code(string_member(error, name));
    }
    if (said.status == 0) said.status = as_status(error, "code");
    return said;
}

Said said_by_body(std::string_view body) {
    const auto parsed = parse_bounded(body);
    if (!parsed.is_object() && !parsed.is_array()) {
        return {.code = {}, .message = serving::title_or_all(body), .is_json = false};
    }
    return said_by(parsed);
}

// The model was in the server's list: it is being swapped or reloaded, or was taken away. Servers
// that lack the route also answer 404, but without naming a model.
bool tells_of_a_missing_model(const Said& said, long status) {
    if (status != 404) return false;
    if (said.code == kModelCode) return true;
    const auto words = lower(said.message);
    const auto has = [&](std::string_view part) { return words.find(part) != std::string::npos; };
    return has("model") && (has("not found") || has("not exist") || has("not loaded"));
}

// A request that exceeds the rate limit by itself would never be accepted.
bool is_too_large_for_the_rate(const Said& said) {
    return said.message.find("must be reduced in order to run successfully") != std::string::npos;
}

Outcome outcome_of(Said said, long status, std::string_view prefix, milliseconds took = {}) {
    const auto what = serving::class_of(status, took);
    auto kind = serving::kind_of(what);
    // Model servers send 404 and 405 as JSON. One that is not JSON comes from something in front of
    // them.
    const bool is_no_server = (status == 404 || status == 405) && !said.is_json;
    const bool is_of_the_server =
        what == AnswerClass::kTransient || what == AnswerClass::kPermanent;
    if (is_of_the_server && is_about_context(said.code, said.message)) {
        kind = OutcomeKind::kPermanent;
        said.code = kContextCode;
    } else if (what == AnswerClass::kOutage || is_no_server ||
               (status >= 500 && what == AnswerClass::kTransient &&
                is_about_an_outage(said.code, said.message))) {
        kind = OutcomeKind::kRateLimited;
        said.code = kOutageCode;
    } else if (tells_of_a_missing_model(said, status)) {
        kind = OutcomeKind::kRetryable;
        said.code = kModelCode;
    } else if (is_too_large_for_the_rate(said)) {
        kind = OutcomeKind::kPermanent;
    }
    if (said.code.empty()) said.code = fmt::format("http_{}", status);
    auto message = std::string(prefix);
    if (!said.message.empty()) message += ": " + said.message;
    return failed_outcome(kind, std::move(said.code), std::move(message));
}

}  // namespace

Outcome http_error_outcome(const HttpError& error) {
    auto said = said_by_body(error.body);
    // Gateways turn every error of the server behind them into a 500.
    const long status = error.status == 500 && said.status != 0 ? said.status : error.status;
    auto outcome = outcome_of(std::move(said), status,
                              fmt::format("the endpoint answered {}", error.status), error.took);
    serving::rest_as_asked(outcome, error.retry_after);
    if (outcome.error_code == kModelCode) outcome.retry_after = kModelRest;
    if (!error.location.empty()) outcome.error_message += "; it is at " + error.location;
    if (outcome.kind == OutcomeKind::kRetryable && error.should_retry == false) {
        outcome.kind = OutcomeKind::kPermanent;
    }
    return outcome;
}

Outcome error_object_outcome(const json& error, milliseconds took) {
    auto said = said_by(error);
    const bool has_status = said.status != 0;
    const long status = has_status ? said.status : 500;
    if (!has_status && said.code.empty()) said.code = "endpoint_error";
    return outcome_of(std::move(said), status, "the endpoint failed after it had begun to answer",
                      took);
}

CallResult call_result(const Outcome& outcome, long status, bool is_connected) {
    switch (outcome.kind) {
        case OutcomeKind::kCompleted:
            return CallResult::kServed;
        case OutcomeKind::kRateLimited:
            if (!is_connected) return CallResult::kUnreachable;
            if (!is_outage(outcome)) return CallResult::kRefused;
            return serving::is_of_a_gateway(status) ? CallResult::kFailed : CallResult::kOdd;
        case OutcomeKind::kPermanent:
            // Any other refusal may be the job's fault: a server that does not support its kind of
            // request answers 404.
            return serving::refuses_the_key(status) ? CallResult::kFailed : CallResult::kAnswered;
        default:
            return outcome.error_code == kStalledCode ? CallResult::kFailed : CallResult::kOdd;
    }
}

bool is_outage(const Outcome& outcome) {
    if (outcome.kind != OutcomeKind::kRateLimited) return false;
    return outcome.error_code == kOutageCode || outcome.error_code == kLostCode;
}

bool is_unanswered(const Outcome& outcome) {
    return outcome.kind == OutcomeKind::kRateLimited && outcome.error_code == kLostCode;
}

bool may_lack_the_route(const Outcome& outcome, long status) {
    return is_outage(outcome) && (status == 404 || status == 405);
}

Outcome lacks_the_route(Outcome outcome, long status) {
    outcome.kind = OutcomeKind::kRetryable;
    outcome.error_code = fmt::format("http_{}", status);
    outcome.error_message += "; others are served: it may not know this kind of request";
    return outcome;
}

Outcome invalid_response(std::string_view what) {
    return failed_outcome(
        OutcomeKind::kRetryable, "invalid_response",
        fmt::format("the endpoint's answer does not follow OpenAI's API: {}", what));
}

Outcome page_instead(std::string_view body) {
    return failed_outcome(
        OutcomeKind::kRateLimited, std::string(kOutageCode),
        fmt::format("the answer is a page of HTML: {}", serving::title_or_all(body)));
}

Outcome unanswered(std::string message) {
    return failed_outcome(OutcomeKind::kRateLimited, std::string(kLostCode), std::move(message));
}

Outcome connection_lost(std::string message) {
    return failed_outcome(OutcomeKind::kRetryable, std::string(kLostCode), std::move(message));
}

Outcome stream_truncated(std::string_view how) {
    return failed_outcome(OutcomeKind::kRetryable, "stream_truncated",
                          fmt::format("the endpoint's answer {}", how));
}

Outcome generation_aborted() {
    return failed_outcome(OutcomeKind::kRetryable, "generation_aborted",
                          "the endpoint aborted the generation");
}

Outcome endpoint_unreachable(std::string_view endpoint, std::string_view why) {
    return failed_outcome(OutcomeKind::kRateLimited, "endpoint_unreachable",
                          fmt::format("cannot connect to {}: {}", endpoint, why));
}

Outcome model_gone(std::string_view model) {
    return failed_outcome(OutcomeKind::kRateLimited, "model_unavailable",
                          fmt::format("no server offers the model '{}' any more", model));
}

Outcome endpoint_stalled(std::string_view endpoint, milliseconds silence) {
    return failed_outcome(OutcomeKind::kRetryable, std::string(kStalledCode),
                          fmt::format("{} sent nothing for {} ms (backend.openai.stall_timeout)",
                                      endpoint, silence.count()));
}

Outcome no_place(milliseconds wait) {
    auto outcome = failed_outcome(OutcomeKind::kRateLimited, "endpoints_unavailable",
                                  wait > milliseconds(0)
                                      ? "all endpoints of the model are unavailable or overloaded"
                                      : "all endpoints of the model are full");
    outcome.retry_after = std::max(wait, kPlaceRestMin);
    return outcome;
}

}  // namespace millrace::backends::openai
