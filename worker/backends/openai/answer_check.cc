#include "worker/backends/openai/answer_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/json/mend.h"
#include "worker/backends/bounded_json.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/openai/merged.h"
#include "worker/backends/outcomes.h"
#include "worker/backends/serving/outage.h"
#include "worker/backends/usage.h"

namespace millrace::backends::openai {

using json_text::JsonKind;
using json_text::JsonMember;
using json_text::JsonView;

namespace {

using Members = std::vector<JsonMember>;
using NotANumber = json_text::NotANumber;

// The limit of errors inside errors, above what any server makes: each level is scanned again.
constexpr int kErrorDepthMax = 4;

bool says(const Members& members, std::string_view name) {
    const auto* value = find(members, name);
    return value != nullptr && !is_blank(*value);
}

nlohmann::json parsed(const JsonView& value) {
    return parse_mended(value.text(), NotANumber::kQuote);
}

bool has_text(const Members& members, std::string_view name) {
    const auto* value = find(members, name);
    return value != nullptr && value->kind() == JsonKind::kString && !is_blank(*value);
}

// --- Unstreamed ---------------------------------------------------------------------------------

std::optional<Outcome> choice_error(RequestKind kind, const JsonView& choice, milliseconds took) {
    if (choice.kind() != JsonKind::kObject) return invalid_response("a choice is not an object");
    const auto members = choice.members();
    if (says(members, "error")) return error_outcome(*find(members, "error"), took);
    const auto* reason = find(members, "finish_reason");
    if (reason != nullptr && finish_of(*reason) == Finish::kAborted) return generation_aborted();
    const bool chat = kind == RequestKind::kChat;
    const auto* content = find(members, chat ? "message" : "text");
    const auto wanted = chat ? JsonKind::kObject : JsonKind::kString;
    if (content == nullptr || content->kind() != wanted) {
        return invalid_response(chat ? "a choice has no message" : "a choice has no text");
    }
    return std::nullopt;
}

std::optional<Outcome> vector_error(const JsonView& item) {
    if (item.kind() != JsonKind::kObject || !says(item.members(), "embedding")) {
        return invalid_response("an item of the data has no embedding");
    }
    return std::nullopt;
}

std::optional<Outcome> item_error(RequestKind kind, const JsonView& item, milliseconds took) {
    switch (kind) {
        case RequestKind::kChat:
        case RequestKind::kCompletion:
            return choice_error(kind, item, took);
        case RequestKind::kEmbeddings:
            return vector_error(item);
        case RequestKind::kImages:
            return std::nullopt;
    }
    return std::nullopt;
}

Usage usage_of(RequestKind kind, const Members& answer) {
    const auto* value = find(answer, "usage");
    auto usage = value == nullptr ? Usage{} : parse_usage(value->text());
    const bool has_output = kind != RequestKind::kEmbeddings;
    if (usage.prompt_tokens && !usage.completion_tokens && !has_output) usage.completion_tokens = 0;
    return usage;
}

}  // namespace

Finish finish_of(const JsonView& reason) {
    auto word = reason.kind() == JsonKind::kString ? reason.string() : std::string();
    // Some servers send an object: {"type":"stop",…}.
    if (reason.kind() == JsonKind::kObject) {
        const auto members = reason.members();
        if (has_text(members, "type")) word = find(members, "type")->string();
    }
    word = lower(word);
    constexpr std::array<std::string_view, 4> kNone{"", "null", "none",
                                                    "finish_reason_unspecified"};
    constexpr std::array<std::string_view, 12> kAborted{
        "abort",         "aborted",      "cancelled",    "canceled",
        "error",         "failed",       "engine_error", "internal_error",
        "network_error", "server_error", "timeout",      "insufficient_system_resource"};
    if (std::ranges::find(kNone, word) != kNone.end()) return Finish::kNone;
    const bool aborted = std::ranges::find(kAborted, word) != kAborted.end();
    return aborted ? Finish::kAborted : Finish::kFinished;
}

std::optional<Outcome> error_in(const JsonView& object, milliseconds took) {
    const auto members = object.members();
    if (says(members, "error")) return error_outcome(*find(members, "error"), took);
    if (says(members, "choices") || says(members, "data") || says(members, "usage")) {
        return std::nullopt;
    }
    if (says(members, "errors")) return error_outcome(*find(members, "errors"), took);
    if (says(members, "detail")) {
        const auto detail = parsed(*find(members, "detail"));
        const auto text = detail.is_string() ? detail.get<std::string>() : detail.dump();
        return error_object_outcome({{"message", text}}, took);
    }
    for (const auto* name : {"message", "msg", "error_message", "error_msg"}) {
        if (!has_text(members, name)) continue;
        auto error = parsed(object);
        error["message"] = parsed(*find(members, name));
        return error_object_outcome(error, took);
    }
    const auto* kind = find(members, "object");
    if (kind != nullptr && kind->text() == R"("error")")
        return error_object_outcome(parsed(object), took);
    return std::nullopt;
}

Outcome error_outcome(const JsonView& error, milliseconds took, int depth) {
    // A number alone is a status.
    if (error.kind() == JsonKind::kNumber)
        return error_object_outcome({{"code", parsed(error)}}, took);
    // Some servers send a list of errors.
    const bool may_be_inside = depth < kErrorDepthMax;
    if (error.kind() == JsonKind::kArray && may_be_inside) {
        if (const auto items = error.items(); !items.empty()) {
            return error_outcome(items.front(), took, depth + 1);
        }
    }
    if (error.kind() != JsonKind::kObject || !may_be_inside) {
        return error_object_outcome(parsed(error), took);
    }
    // Some servers wrap one error into another.
    const auto members = error.members();
    if (says(members, "error") && !says(members, "message"))
        return error_outcome(*find(members, "error"), took, depth + 1);
    return error_object_outcome(parsed(error), took);
}

Outcome error_event_outcome(std::string_view data, milliseconds took) {
    const auto mended = json_text::mend(data, {.depth_max = kAnswerDepthMax});
    if (!mended.has_value()) return error_object_outcome(storable(std::string(data)), took);
    const JsonView error(*mended);
    if (error.kind() == JsonKind::kObject) {
        if (auto outcome = error_in(error, took)) return *std::move(outcome);
    }
    return error_outcome(error, took);
}

Outcome wrong_count(std::size_t count, std::size_t expected, std::string_view what) {
    return invalid_response(fmt::format(
        "it has {} {}, but {} were requested; submit a job for each", count, what, expected));
}

Outcome unstreamed_outcome(const ExpectedAnswer& expected, std::string_view body,
                           milliseconds took) {
    body = trimmed(body);
    if (body.empty()) return invalid_response("it is empty");
    if (serving::is_page(body)) return page_instead(body);
    // Log probabilities may contain a value that is not a number, but a vector may not.
    const bool is_vector = expected.kind == RequestKind::kEmbeddings;
    auto mended = json_text::mend(
        body, {.depth_max = kAnswerDepthMax,
               .not_a_number = is_vector ? NotANumber::kRefuse : NotANumber::kQuote});
    if (!mended.has_value()) return invalid_response("the body" + mended.error().message);
    const JsonView answer(*mended);
    if (answer.kind() == JsonKind::kArray && !answer.items().empty() &&
        answer.items().front().kind() == JsonKind::kObject) {
        if (auto error = error_in(answer.items().front(), took)) return *std::move(error);
    }
    if (answer.kind() != JsonKind::kObject)
        return invalid_response("the body is not a JSON object");
    if (auto error = error_in(answer, took)) return *std::move(error);

    const bool has_choices =
        expected.kind == RequestKind::kChat || expected.kind == RequestKind::kCompletion;
    const auto* list = has_choices ? "choices" : "data";
    const auto members = answer.members();
    const auto* found = find(members, list);
    if (found == nullptr || found->kind() != JsonKind::kArray || is_blank(*found)) {
        return invalid_response(fmt::format("the body has no '{}'", list));
    }
    const auto items = found->items();
    for (const auto& item : items) {
        if (auto error = item_error(expected.kind, item, took)) return *std::move(error);
    }
    if (expected.count && *expected.count != items.size()) {
        return wrong_count(items.size(), *expected.count, has_choices ? "choices" : "vectors");
    }
    const auto usage = usage_of(expected.kind, members);
    return {.kind = OutcomeKind::kCompleted, .output_json = *std::move(mended), .usage = usage};
}

}  // namespace millrace::backends::openai
