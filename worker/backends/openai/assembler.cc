#include "worker/backends/openai/assembler.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/json/mend.h"
#include "worker/backends/bounded_json.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/outcomes.h"
#include "worker/backends/usage.h"

namespace millrace::backends::openai {

using json_text::JsonKind;
using json_text::JsonMember;
using json_text::JsonView;

namespace {

constexpr json_text::MendOptions kMendOptions{.depth_max = kAnswerDepthMax,
                                              .not_a_number = json_text::NotANumber::kQuote};
// The limit if the request does not determine the number of choices.
constexpr std::size_t kChoicesMax = 1024;

bool is_json(std::string_view text) {
    return json_text::mend(text, kMendOptions).has_value();
}

Outcome odd_event() {
    return invalid_response("an event is not JSON of the expected form");
}

// The index of the choice that a delta belongs to. Servers that support only one choice often send
// none.
std::optional<std::size_t> index_of(const std::vector<JsonMember>& delta, std::size_t place) {
    for (const auto& member : delta) {
        const auto& value = member.value;
        if (member.name != "index" || value.kind() == JsonKind::kNull) continue;
        const auto text =
            value.kind() == JsonKind::kString ? value.string() : std::string(value.text());
        std::size_t index = 0;
        const auto* end = text.data() + text.size();
        const auto result = std::from_chars(text.data(), end, index);
        const bool fine = result.ec == std::errc() && result.ptr == end && index < kChoicesMax;
        return fine ? std::optional(index) : std::nullopt;
    }
    return place;
}

// The size of a high surrogate at the end of the text, or 0.
std::size_t high_half_at_end(std::string_view text) {
    constexpr std::size_t kBytes = 3;
    if (text.size() < kBytes || text[text.size() - kBytes] != '\xED') return 0;
    const auto second = static_cast<unsigned char>(text[text.size() - 2]);
    return second >= 0xA0 && second <= 0xAF ? kBytes : 0;
}

}  // namespace

Assembler::Assembler(const ExpectedAnswer& expected) : expected_(expected) {
    CHECK(expected.kind == RequestKind::kChat || expected.kind == RequestKind::kCompletion);
}

bool Assembler::Summary::goes_on_from(const Summary& before) const {
    const bool had_calls = before.message.spoken_bytes() > before.text.size();
    if (!had_calls) return text.starts_with(before.text);
    std::string json;
    std::string json_before;
    message.write(json);
    before.message.write(json_before);
    return json == json_before;
}

const Message& Assembler::Choice::answer() const {
    return summary && !message.speaks() ? summary->message : message;
}

std::size_t Assembler::Choice::content_bytes() const {
    return std::max(message.bytes(), summary ? summary->message.bytes() : 0) + text.size();
}

// --- Events -------------------------------------------------------------------------------------

std::optional<Outcome> Assembler::add(const http::ServerEvent& event, std::string& partial,
                                      milliseconds took) {
    took_ = took;
    const bool is_error = event.type == "error";
    const std::string_view data = event.data;
    // Some servers put no empty line between events, so that several become one event of
    // several lines.
    const bool has_lines = data.find('\n') != std::string_view::npos;
    const bool is_checked = has_lines && is_json(data);
    if (is_checked || !has_lines) return add_data(trimmed(data), is_checked, is_error, partial);
    for (std::size_t at = 0; at < data.size();) {
        const auto end = std::min(data.find('\n', at), data.size());
        const auto line = trimmed(data.substr(at, end - at));
        if (auto outcome = add_data(line, /*is_checked=*/false, is_error, partial)) return outcome;
        at = end + 1;
    }
    return std::nullopt;
}

std::optional<Outcome> Assembler::add_data(std::string_view data, bool is_checked, bool is_error,
                                           std::string& partial) {
    if (done_) return std::nullopt;
    if (is_error) return error_event_outcome(data, took_);
    if (data.empty() || data == "null") return std::nullopt;
    if (data == "[DONE]") {
        done_ = true;
        if (is_whole(/*clean=*/true)) return std::nullopt;
        return what_is_missing();
    }
    if (data.front() != '{' || !(is_checked || is_json(data))) return odd_event();
    const JsonView chunk(data);
    if (auto error = error_in(chunk, took_)) return error;
    return add_chunk(chunk, partial);
}

std::optional<Outcome> Assembler::add_chunk(const JsonView& chunk, std::string& partial) {
    const auto content_before = content_bytes_;
    bool has_usage = false;
    bool has_choices = false;
    std::string text;
    for (const auto& member : chunk.members()) {
        if (member.name == "choices") {
            if (!answer_.has(member.name)) answer_.set_json(member.name, "[]");
            has_choices = !is_blank(member.value);
            if (auto outcome = add_choices(member.value, text)) return outcome;
        } else if (member.value.kind() != JsonKind::kNull && member.name != "error") {
            has_usage = has_usage || (member.name == "usage" && !is_blank(member.value));
            other_bytes_ += answer_.add(member.name, member.value, Joining::kLatest);
        }
    }
    // Some servers report usage in every chunk; only the last chunk has nothing else.
    if (content_bytes_ > content_before) counted_ = false;
    if (has_usage && !has_choices) counted_ = true;
    if (content_bytes_ + other_bytes_ > expected_.output_bytes_max) {
        return output_too_large(expected_.output_bytes_max);
    }
    show(text, partial);
    return std::nullopt;
}

std::optional<Outcome> Assembler::add_choices(const JsonView& list, std::string& text) {
    if (list.kind() == JsonKind::kNull) return std::nullopt;
    if (list.kind() != JsonKind::kArray) return odd_event();
    const auto items = list.items();
    std::set<std::size_t> seen;
    for (std::size_t place = 0; place < items.size(); ++place) {
        if (items[place].kind() != JsonKind::kObject) return odd_event();
        const auto delta = items[place].members();
        const auto index = index_of(delta, place);
        if (!index) return odd_event();
        if (!seen.insert(*index).second) return invalid_response("two choices have the same index");
        std::string spoken;
        auto outcome = add_choice(choices_[*index], delta, spoken);
        if (outcome) return outcome;
        if (*index == 0) text = std::move(spoken);
    }
    if (expected_.count && choices_.size() > *expected_.count) {
        return wrong_count(choices_.size(), *expected_.count, "choices");
    }
    return std::nullopt;
}

std::optional<Outcome> Assembler::add_choice(Choice& choice, const Members& delta,
                                             std::string& text) {
    const auto before = choice.content_bytes();
    const auto answer_before = choice.answer_bytes();
    const auto spoken_before = choice.spoken_bytes();
    const bool was_summed_up = &choice.answer() != &choice.message && choice.answer().speaks();
    const bool was_finished = std::exchange(choice.finished, false);
    const JsonView* summary = nullptr;
    for (const auto& member : delta) {
        const auto& [name, _, value] = member;
        if (name == "index") continue;
        if (name == "error" && !is_blank(value)) return error_outcome(value, took_);
        if (name == "finish_reason") {
            if (auto outcome = add_finish(choice, value)) return outcome;
        } else if (name == "message") {
            if (expected_.kind == RequestKind::kChat) summary = &value;
        } else if (name == "delta" || name == "text") {
            if (!add_content(choice, member, text)) return odd_event();
        } else {
            const auto joining = name == "logprobs" ? Joining::kPieces : Joining::kLists;
            other_bytes_ += choice.rest.add(name, value, joining);
        }
    }
    if (was_summed_up && choice.message.speaks())
        return invalid_response("the message appears twice");
    // After the deltas, wherever it stands: it counts only if the deltas contain no answer.
    if (summary != nullptr) {
        if (auto outcome = add_summary(choice, *summary, text)) return outcome;
    }
    content_bytes_ += choice.content_bytes() - before;
    const bool spoke_on = was_finished && choice.answer_bytes() > answer_before;
    choice.spoke_on |= spoke_on;
    choice.repeats |= spoke_on && choice.finished;
    choice.finished |= was_finished && choice.spoken_bytes() <= spoken_before;
    return std::nullopt;
}

std::optional<Outcome> Assembler::add_finish(Choice& choice, const JsonView& reason) {
    switch (finish_of(reason)) {
        case Finish::kNone:
            if (!choice.rest.has("finish_reason")) choice.rest.set_json("finish_reason", "null");
            return std::nullopt;
        case Finish::kAborted:
            // vLLM and SGLang end generations that they gave up themselves this way, inside a
            // success.
            return generation_aborted();
        case Finish::kFinished:
            choice.rest.set_json("finish_reason", std::string(reason.text()));
            choice.finished = true;
            return std::nullopt;
    }
    CHECK(false);
}

bool Assembler::add_content(Choice& choice, const JsonMember& member, std::string& text) const {
    const auto& [name, _, value] = member;
    if (value.kind() == JsonKind::kNull) return true;
    if (expected_.kind == RequestKind::kCompletion) {
        if (name != "text") return true;
        if (value.kind() != JsonKind::kString) return false;
        choice.has_content = true;
        text = value.string();
        json_text::join_text(choice.text, text);
        return true;
    }
    if (name == "text") return true;
    choice.has_content = true;
    return choice.message.add(value, text);
}

// Some servers repeat the whole message at the end, Perplexity sends all of it so far with every
// delta, and some send nothing else. A message in pieces without deltas is ambiguous.
std::optional<Outcome> Assembler::add_summary(Choice& choice, const JsonView& message,
                                              std::string& text) {
    if (message.kind() == JsonKind::kNull) return std::nullopt;
    Summary said;
    if (!said.message.add(message, said.text)) return odd_event();
    choice.has_content = true;
    if (!choice.message.speaks()) {
        const auto before = choice.summary.value_or(Summary{});
        // The last summary may contain only the finish reason.
        if (before.message.speaks() && !said.message.speaks()) return std::nullopt;
        if (!said.goes_on_from(before)) return invalid_response("a message came in pieces");
        text = said.text.substr(before.text.size());
    }
    choice.summary = std::move(said);
    return std::nullopt;
}

void Assembler::show(std::string_view text, std::string& partial) {
    json_text::join_text(held_, text);
    const auto half = held_.substr(held_.size() - high_half_at_end(held_));
    held_.resize(held_.size() - half.size());
    json_text::replace_halves(held_);
    take_whole_characters(held_, partial);
    held_ += half;
}

// --- The end ------------------------------------------------------------------------------------

bool Assembler::has_expected_count() const {
    return !choices_.empty() && (!expected_.count || choices_.size() == *expected_.count);
}

std::size_t Assembler::finished_choices() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(choices_, [](const auto& choice) { return choice.second.finished; }));
}

bool Assembler::any_of(bool Choice::*sign) const {
    return std::ranges::any_of(choices_,
                               [sign](const auto& choice) { return choice.second.*sign; });
}

Assembler::End Assembler::end() const {
    if (done_) return End::kDone;
    if (!is_whole(/*clean=*/true)) return End::kOpen;
    return counted_ ? End::kCounted : End::kFinished;
}

bool Assembler::is_whole(bool clean) const {
    if (!has_expected_count()) return false;
    if (finished_choices() < choices_.size() || any_of(&Choice::repeats)) return false;
    return done_ || (!any_of(&Choice::spoke_on) && (counted_ || clean));
}

Outcome Assembler::what_is_missing() const {
    if (choices_.empty()) return invalid_response("there is no choice in the stream");
    const auto finished = finished_choices();
    if (finished == 0 && done_) {
        return stream_truncated(
            "ended with [DONE] but without a finish reason, so it may be incomplete");
    }
    if (any_of(&Choice::repeats)) {
        return stream_truncated(
            "has a finish reason in every chunk, so its end cannot be recognised");
    }
    if (finished == choices_.size() && !has_expected_count()) {
        return wrong_count(choices_.size(), *expected_.count, "choices");
    }
    return stream_truncated();
}

Outcome Assembler::outcome(bool clean) const {
    if (!is_whole(clean)) return clean ? what_is_missing() : stream_truncated();
    for (const auto& [_, choice] : choices_) {
        if (!choice.has_content) return invalid_response("a choice has no text");
        if (!choice.answer().is_sound()) return invalid_response("a tool call has no name");
    }
    // Log probabilities and similar members are in it unchecked, as they came.
    auto mended = json_text::mend(output(), kMendOptions);
    if (!mended.has_value()) return invalid_response("the answer" + mended.error().message);
    return {.kind = OutcomeKind::kCompleted, .output_json = *std::move(mended), .usage = usage()};
}

std::string Assembler::output() const {
    const bool chat = expected_.kind == RequestKind::kChat;
    std::string choices = "[";
    for (const auto& [index, choice] : choices_) {
        if (choices.size() > 1) choices += ',';
        choices += fmt::format(R"({{"index":{},)", index);
        choices += chat ? R"("message":)" : R"("text":)";
        chat ? choice.answer().write(choices) : json_text::quote(choices, choice.text);
        choice.rest.write_members(choices, {});
        if (!choice.rest.has("finish_reason")) choices += R"(,"finish_reason":null)";
        choices += '}';
    }
    choices += ']';
    auto answer = answer_;
    answer.set_json("object", chat ? R"("chat.completion")" : R"("text_completion")");
    answer.set_json("choices", std::move(choices));
    std::string text;
    answer.write(text);
    return text;
}

Usage Assembler::usage() const {
    auto usage = parse_usage(answer_.json("usage"));
    // Moonshot puts the usage into the choice.
    if (!usage.is_known()) usage = parse_usage(choices_.begin()->second.rest.json("usage"));
    return usage;
}

}  // namespace millrace::backends::openai
