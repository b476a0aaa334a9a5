#include "worker/backends/process/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/json/mend.h"
#include "worker/backends/bounded_json.h"
#include "worker/backends/outcomes.h"
#include "worker/backends/process/members.h"
#include "worker/backends/usage.h"

namespace millrace::backends::process {
namespace {

using nlohmann::json;
using Members = std::vector<Member>;

// How much of a child's texts an outcome keeps.
constexpr std::size_t kCodeBytesMax = 64;
constexpr std::size_t kTextBytesMax = 2048;
constexpr std::size_t kBatchMaxMost = 10'000;  // As for backend.process.batch_max.

// Null also if the member is absent or no JSON.
json value_of(const Members& members, std::string_view name) {
    return parse_mended(find(members, name), json_text::NotANumber::kQuote);
}

std::string text_of(const Members& members, std::string_view name) {
    const auto value = value_of(members, name);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<ItemId> item_of(const Members& members) {
    const auto value = value_of(members, "item");
    if (!value.is_number_unsigned()) return std::nullopt;
    return value.get<ItemId>();
}

std::int64_t count_of(const json& value) {
    if (value.is_number_unsigned()) {
        constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
        return static_cast<std::int64_t>(std::min(value.get<std::uint64_t>(), std::uint64_t{kMax}));
    }
    return 0;
}

// The usage in an output of the OpenAI API's shape.
Usage usage_of(std::string_view output) {
    return parse_usage(find(members(output), "usage"));
}

Result<ProcessMessage> parse_ready(const Members& members) {
    if (value_of(members, "protocol") != kProcessProtocol) {
        return corrupt(
            fmt::format("\"ready\" must have \"protocol\": {}, the version that this worker speaks",
                        kProcessProtocol));
    }
    ReadyMessage ready;
    const auto models = value_of(members, "models");
    const auto is_name = [](const json& model) {
        return model.is_string() && is_storable(model.get_ref<const std::string&>());
    };
    if (!models.is_null() &&
        !(models.is_array() && std::all_of(models.begin(), models.end(), is_name))) {
        return corrupt("\"models\" must be a list of names");
    }
    for (const auto& model : models) ready.models.push_back(model.get<std::string>());
    const auto batch_max = value_of(members, "batch_max");
    if (!batch_max.is_null()) {
        if (!batch_max.is_number_unsigned() || batch_max < 1 || batch_max > kBatchMaxMost) {
            return corrupt(fmt::format("\"batch_max\" must be 1 to {}", kBatchMaxMost));
        }
        ready.batch_max = batch_max.get<std::size_t>();
    }
    return ready;
}

Result<ProcessMessage> parse_progress(const Members& members, ItemId item) {
    const auto fraction = value_of(members, "fraction");
    // A NaN, which is a string by now: a loss that has diverged does not end the job.
    if (fraction.is_string()) return NoMessage{};
    if (!fraction.is_number()) return corrupt("\"progress\" needs a number \"fraction\"");
    return ProgressMessage{
        .item = item,
        .fraction = std::clamp(fraction.get<double>(), 0.0, 1.0),
        .message = std::string(beginning(text_of(members, "message"), kTextBytesMax))};
}

Result<ProcessMessage> parse_partial(const Members& members, ItemId item) {
    auto text = value_of(members, "text");
    if (text.is_null()) return NoMessage{};
    if (!text.is_string()) return corrupt("\"partial\" needs a \"text\"");
    return PartialMessage{.item = item, .text = std::move(text.get_ref<std::string&>())};
}

Outcome invalid_output(std::string message) {
    return failed_outcome(OutcomeKind::kPermanent, "invalid_output", std::move(message));
}

Outcome outcome_of(std::string_view output) {
    if (output.empty()) return invalid_output("\"done\" needs an \"output\"");
    if (output == "null") return invalid_output("the output must not be null");
    auto mended = json_text::mend(output);
    if (!mended.has_value()) return invalid_output("the output" + mended.error().message);
    const auto usage = usage_of(*mended);
    return {.kind = OutcomeKind::kCompleted, .output_json = *std::move(mended), .usage = usage};
}

Result<ProcessMessage> parse_failed(const Members& members, ItemId item) {
    constexpr std::array kKinds{OutcomeKind::kPermanent, OutcomeKind::kRetryable,
                                OutcomeKind::kRateLimited, OutcomeKind::kCancelled};
    const auto kind = text_of(members, "kind");
    const auto* found = std::find_if(kKinds.begin(), kKinds.end(),
                                     [&](OutcomeKind known) { return name(known) == kind; });
    if (found == kKinds.end()) {
        return corrupt(
            "\"failed\" needs a \"kind\": permanent, retryable, rate_limited or cancelled");
    }
    Outcome outcome{
        .kind = *found,
        .error_code = std::string(beginning(text_of(members, "code"), kCodeBytesMax)),
        .error_message = std::string(beginning(text_of(members, "message"), kTextBytesMax))};
    if (outcome.error_code.empty()) outcome.error_code = "process_failure";
    if (const auto after = value_of(members, "retry_after_ms"); !after.is_null()) {
        outcome.retry_after = milliseconds(count_of(after));
    }
    return EndMessage{.item = item, .outcome = std::move(outcome)};
}

// The message of a frame that was too long, from its beginning.
Result<ProcessMessage> parse_beginning(const Members& members, ItemId item, const Frame& frame) {
    const auto type = text_of(members, "type");
    if (type == "done") {
        return EndMessage{.item = item,
                          .outcome = failed_outcome(
                              OutcomeKind::kPermanent, "output_too_large",
                              fmt::format("the process sent an output of about {} bytes, more than "
                                          "worker.output_bytes_max allows",
                                          frame.json.size() + frame.left_out))};
    }
    // Its message is too long; that it failed, and how, comes before the message.
    if (type == "failed") return parse_failed(members, item);
    return NoMessage{};
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

Result<ProcessMessage> parse_message(const Frame& frame) {
    const auto members = process::members(frame.json);
    if (members.empty()) return corrupt("a message that is not a JSON object");
    const auto type = text_of(members, "type");
    if (type == "ready") return parse_ready(members);

    const auto item = item_of(members);
    if (!item) return corrupt("a message that is not \"ready\" and names no \"item\"");
    if (frame.left_out > 0) return parse_beginning(members, *item, frame);
    if (type == "progress") return parse_progress(members, *item);
    if (type == "partial") return parse_partial(members, *item);
    if (type == "done") {
        return EndMessage{.item = *item, .outcome = outcome_of(find(members, "output"))};
    }
    if (type == "failed") return parse_failed(members, *item);
    return corrupt("a message of unknown \"type\"");
}

}  // namespace millrace::backends::process
