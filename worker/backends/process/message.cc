#include "worker/backends/process/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/base/check.h"

namespace millrace::worker {
namespace {

using nlohmann::json;

// Deeper values could not be printed without a deep stack; PostgreSQL would refuse them too.
constexpr int kDepthMax = 500;
// What an outcome keeps of a child's words.
constexpr std::size_t kCodeBytesMax = 64;
constexpr std::size_t kTextBytesMax = 2048;
constexpr std::size_t kBatchMaxMost = 10'000;  // As backend.process.batch_max.

Error corrupt(std::string message) {
    return {ErrorCode::kDataCorrupt, std::move(message)};
}

bool is_too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > kDepthMax) return true;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

// The first bytes of the text, whole characters only.
std::string beginning(std::string text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80) {
        --bytes_max;
    }
    text.resize(bytes_max);
    return text;
}

const json* find(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const json& object, const char* name) {
    const auto* value = find(object, name);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<ItemId> item_of(const json& object) {
    const auto* value = find(object, "item");
    if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
    return value->get<ItemId>();
}

std::int64_t count_of(const json& object, const char* name) {
    const auto* value = find(object, name);
    if (value == nullptr || !value->is_number_integer()) return 0;
    return std::max(value->get<std::int64_t>(), std::int64_t{0});
}

// Of an output in the shape of OpenAI's API.
Usage usage_of(const json& output) {
    if (!output.is_object()) return {};
    const auto* usage = find(output, "usage");
    if (usage == nullptr || !usage->is_object()) return {};
    return {count_of(*usage, "prompt_tokens"), count_of(*usage, "completion_tokens")};
}

Result<ProcessMessage> parse_ready(const json& object) {
    const auto* protocol = find(object, "protocol");
    if (protocol == nullptr || *protocol != kProcessProtocol) {
        return corrupt(fmt::format("\"ready\" must say \"protocol\": {}, the one spoken here",
                                   kProcessProtocol));
    }
    ReadyMessage ready;
    if (const auto* models = find(object, "models")) {
        for (const auto& model : models->is_array() ? *models : json::array()) {
            if (model.is_string()) ready.models.push_back(model.get<std::string>());
        }
    }
    if (const auto* batch_max = find(object, "batch_max")) {
        if (!batch_max->is_number_unsigned() || *batch_max < 1 || *batch_max > kBatchMaxMost) {
            return corrupt(fmt::format("\"batch_max\" must be 1 to {}", kBatchMaxMost));
        }
        ready.batch_max = batch_max->get<std::size_t>();
    }
    return ready;
}

Result<ProcessMessage> parse_progress(const json& object, ItemId item) {
    const auto* fraction = find(object, "fraction");
    if (fraction == nullptr || !fraction->is_number()) {
        return corrupt("\"progress\" needs a number \"fraction\"");
    }
    return ProgressMessage{.item = item,
                           .fraction = std::clamp(fraction->get<double>(), 0.0, 1.0),
                           .message = beginning(text_of(object, "message"), kTextBytesMax)};
}

Result<ProcessMessage> parse_done(const json& object, ItemId item) {
    const auto* output = find(object, "output");
    if (output == nullptr) return corrupt("\"done\" needs an \"output\" that is not null");
    return EndMessage{.item = item,
                      .outcome = {.kind = OutcomeKind::kCompleted,
                                  .output_json = output->dump(),
                                  .usage = usage_of(*output)}};
}

Result<ProcessMessage> parse_failed(const json& object, ItemId item) {
    constexpr std::array kKinds{OutcomeKind::kPermanent, OutcomeKind::kRetryable,
                                OutcomeKind::kRateLimited, OutcomeKind::kCancelled};
    const auto kind = text_of(object, "kind");
    const auto* found = std::find_if(kKinds.begin(), kKinds.end(),
                                     [&](OutcomeKind known) { return name(known) == kind; });
    if (found == kKinds.end()) {
        return corrupt(
            "\"failed\" needs a \"kind\": permanent, retryable, rate_limited or cancelled");
    }
    Outcome outcome{.kind = *found,
                    .error_code = beginning(text_of(object, "code"), kCodeBytesMax),
                    .error_message = beginning(text_of(object, "message"), kTextBytesMax)};
    if (outcome.error_code.empty()) outcome.error_code = "process_failure";
    if (find(object, "retry_after_ms") != nullptr) {
        outcome.retry_after = milliseconds(count_of(object, "retry_after_ms"));
    }
    return EndMessage{.item = item, .outcome = std::move(outcome)};
}

}  // namespace

std::string hello_message(const Hello& hello) {
    json message{{"type", "hello"},
                 {"protocol", kProcessProtocol},
                 {"slot", hello.slot},
                 {"output_bytes_max", hello.output_bytes_max},
                 {"grace_ms", hello.grace.count()}};
    if (!hello.device.empty()) message["device"] = hello.device;
    return message.dump();
}

std::string item_message(ItemId item, const Execution& execution, MonoTime now) {
    const auto& job = execution.job;
    const auto left = std::chrono::floor<milliseconds>(execution.deadline - now);
    const json head{
        {"type", "item"},           {"item", item},
        {"job", job.key.job.str()}, {"attempt", job.attempt},
        {"model", job.spec.model},  {"remaining_ms", std::max(left, milliseconds(0)).count()}};
    auto message = head.dump();
    message.pop_back();
    message += ",\"input\":" + job.spec.input_json;
    if (!job.spec.metadata_json.empty()) message += ",\"metadata\":" + job.spec.metadata_json;
    message += '}';
    return message;
}

std::string run_message(std::span<const ItemId> items) {
    return json{{"type", "run"}, {"items", items}}.dump();
}

std::string cancel_message(ItemId item, AbortReason reason) {
    const auto* why = [&] {
        switch (reason) {
            case AbortReason::kCancelled:
                return "cancelled";
            case AbortReason::kDeadline:
                return "deadline";
            case AbortReason::kInterrupted:
                return "interrupted";
            case AbortReason::kPreempted:
                return "preempted";
        }
        CHECK(false);
    }();
    return json{{"type", "cancel"}, {"item", item}, {"reason", why}}.dump();
}

Result<ProcessMessage> parse_message(std::string_view text) {
    if (is_too_deep(text)) return corrupt("a message nested deeper than a person can mean");
    const auto object = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) return corrupt("a message that is no JSON object");
    const auto type = text_of(object, "type");
    if (type == "ready") return parse_ready(object);

    const auto item = item_of(object);
    if (!item) return corrupt("a message that is not \"ready\" and names no \"item\"");
    if (type == "progress") return parse_progress(object, *item);
    if (type == "partial") return PartialMessage{.item = *item, .text = text_of(object, "text")};
    if (type == "done") return parse_done(object, *item);
    if (type == "failed") return parse_failed(object, *item);
    return corrupt("a message of unknown \"type\"");
}

}  // namespace millrace::worker
