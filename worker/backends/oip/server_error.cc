#include "worker/backends/oip/server_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "worker/backends/bounded_json.h"
#include "worker/backends/outcomes.h"
#include "worker/backends/serving/answer_class.h"
#include "worker/backends/serving/outage.h"
#include "worker/backends/serving/server_text.h"

namespace millrace::backends::oip {
namespace {

using nlohmann::json;
using serving::AnswerClass;

// The fault that a text in an error of status 500 reveals. Triton before 2.40 sends 400 for all of
// them.
struct Sign {
    std::string_view text;
    Fault fault;
    std::string_view code;
};

constexpr std::array kSigns{
    // The model's process has died; only reloading the model, or a restart, brings it back.
    Sign{"is not healthy", Fault::kServer, "server_unhealthy"},
    Sign{"Stub process", Fault::kServer, "server_unhealthy"},
    // After these errors a process can do nothing more on its device.
    Sign{"CUDA error", Fault::kServer, "server_unhealthy"},
    Sign{"illegal memory access", Fault::kServer, "server_unhealthy"},
    Sign{"device-side assert", Fault::kServer, "server_unhealthy"},
    Sign{"Exceeds maximum queue size", Fault::kCapacity, "server_busy"},
    Sign{"Unable to parse", Fault::kRequest, "http_500"},
    Sign{"failed to parse", Fault::kRequest, "http_500"},
    Sign{"byte size mismatch", Fault::kRequest, "http_500"},
    Sign{"unexpected inference", Fault::kRequest, "http_500"},
    Sign{"unexpected shape", Fault::kRequest, "http_500"},
};

// Triton's texts, whatever the status, while a model is loaded or unloaded. The request was not at
// fault, and was not run.
constexpr std::array<std::string_view, 2> kNotThere{"Request for unknown model",
                                                    "stopped accepting new inference requests"};

bool tells_of_a_missing_model(std::string_view said) {
    return std::ranges::any_of(kNotThere, [&](std::string_view words) {
        return said.find(words) != std::string_view::npos;
    });
}

// Only the last line of a Python traceback says what is wrong.
std::string_view last_line(std::string_view text) {
    const auto end = text.find_last_not_of(" \r\n");
    text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    return text.substr(text.find_last_of('\n') + 1);
}

std::string message_of(std::string_view body) {
    const auto object = parse_bounded(body);
    if (object.is_object()) {
        for (const auto* name : {"error", "detail", "message"}) {
            const auto value = object.find(name);
            if (value == object.end()) continue;
            return serving::one_line(
                value->is_string() ? value->get<std::string>()
                                   : value->dump(-1, ' ', false, json::error_handler_t::replace));
        }
    }
    if (body.starts_with("Traceback")) return serving::one_line(last_line(body));
    return serving::title_or_all(body);
}

OutcomeKind kind_of(Fault fault) {
    switch (fault) {
        case Fault::kCapacity:
            return OutcomeKind::kRateLimited;
        case Fault::kRequest:
            return OutcomeKind::kPermanent;
        case Fault::kModel:
        case Fault::kServer:
            break;
    }
    return OutcomeKind::kRetryable;
}

CallResult result_of(Fault fault) {
    switch (fault) {
        case Fault::kCapacity:
            return CallResult::kRefused;
        case Fault::kRequest:
            return CallResult::kAnswered;
        case Fault::kModel:
            return CallResult::kOdd;
        case Fault::kServer:
            break;
    }
    return CallResult::kFailed;
}

ServerError make_error(Fault fault, std::string_view code, std::string message) {
    return {.fault = fault,
            .result = result_of(fault),
            .outcome = failed_outcome(kind_of(fault), std::string(code), std::move(message))};
}

ServerError not_run(ServerError error) {
    error.result = CallResult::kDead;
    error.was_run = false;
    return error;
}

ServerError outage(std::string message) {
    auto error = make_error(Fault::kServer, "server_unavailable", std::move(message));
    error.is_outage = true;
    error.outcome.kind = OutcomeKind::kRateLimited;
    return error;
}

// The fault that the text reveals.
std::optional<ServerError> classify_words(const std::string& said, const std::string& message) {
    for (const auto& sign : kSigns) {
        if (said.find(sign.text) == std::string::npos) continue;
        auto error = make_error(sign.fault, sign.code, message);
        if (sign.fault == Fault::kServer) error.result = CallResult::kDead;
        return error;
    }
    return std::nullopt;
}

ServerError classify_500(const std::string& said, const std::string& message) {
    if (auto error = classify_words(said, message)) return *std::move(error);
    return make_error(Fault::kModel, "model_error", message);
}

ServerError classify_status(long status, milliseconds took, std::string message) {
    const auto what = serving::class_of(status, took);
    if (what == AnswerClass::kCapacity) {
        return make_error(Fault::kCapacity, "server_busy", std::move(message));
    }
    if (what == AnswerClass::kOutage || what == AnswerClass::kGaveUp) {
        auto error = outage(std::move(message));
        error.gave_up_waiting = what == AnswerClass::kGaveUp;
        return error;
    }
    const auto fault = what == AnswerClass::kPermanent ? Fault::kRequest : Fault::kServer;
    auto error = make_error(fault, fmt::format("http_{}", status), std::move(message));
    if (serving::refuses_the_key(status)) error.result = CallResult::kFailed;
    return error;
}

ServerError classify_answer(const ErrorAnswer& answer) {
    const auto status = answer.status;
    const auto said = message_of(answer.body);
    auto message = fmt::format("the server answered {}", status);
    if (!said.empty()) message += ": " + said;
    // The model was there when its metadata were read: it is being unloaded or loaded.
    if (status == 404 || (status == 400 && tells_of_a_missing_model(said))) {
        return not_run(make_error(Fault::kServer, "model_unavailable", std::move(message)));
    }
    if (status == 500) return classify_500(said, message);
    if (status == 400) {
        auto error = classify_words(said, message);
        if (error && error->fault != Fault::kRequest) return *std::move(error);
    }
    return classify_status(status, answer.took, std::move(message));
}

}  // namespace

ServerError classify(const ErrorAnswer& answer) {
    auto error = classify_answer(answer);
    serving::rest_as_asked(error.outcome, answer.retry_after);
    return error;
}

std::optional<Outcome> failure_of(const ServerError& error, std::size_t jobs) {
    if (!error.is_outage) return error.outcome;
    // Any one of several jobs may be the slow one: alone, each gets its own answer.
    if (!error.gave_up_waiting || jobs > 1) return std::nullopt;
    return failed_outcome(OutcomeKind::kRetryable, error.outcome.error_code,
                          error.outcome.error_message);
}

std::optional<ServerError> error_inside(std::string_view body) {
    const auto object = parse_bounded(body);
    if (!object.is_object() || object.contains("outputs") || !object.contains("error")) {
        return std::nullopt;
    }
    const auto said = message_of(body);
    return classify_500(said, "the server reported an error in an answer with status 200: " + said);
}

std::optional<ServerError> page_instead(std::string_view body) {
    if (!serving::is_page(body)) return std::nullopt;
    return outage("the answer is a page of HTML: " + serving::title_or_all(body));
}

ServerError invalid_response(std::string_view what) {
    return make_error(
        Fault::kServer, "invalid_response",
        fmt::format("the server's answer does not follow the Open Inference Protocol: {}", what));
}

ServerError unreachable(std::string_view why) {
    return not_run(make_error(Fault::kServer, "endpoint_unreachable",
                              fmt::format("cannot connect to the server: {}", why)));
}

ServerError timed_out(milliseconds timeout) {
    return make_error(Fault::kServer, "request_timeout",
                      fmt::format("the server did not answer within {} ms (backend.oip.timeout)",
                                  timeout.count()));
}

ServerError unanswered(std::string_view why) {
    auto error =
        make_error(Fault::kServer, "connection_lost",
                   fmt::format("the server closed the connection without an answer: {}", why));
    error.is_outage = true;
    error.is_unanswered = true;
    error.outcome.kind = OutcomeKind::kRateLimited;
    return error;
}

ServerError connection_lost(std::string_view why) {
    return make_error(Fault::kServer, "connection_lost",
                      fmt::format("the connection was lost before the whole answer: {}", why));
}

}  // namespace millrace::backends::oip
