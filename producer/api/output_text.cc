#include "producer/api/output_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/json/json_syntax.h"
#include "common/json/json_view.h"

namespace millrace::api {

using json_text::check_json;
using json_text::JsonKind;
using json_text::JsonView;

namespace {

constexpr int kOutputDepthMax = 64;  // Deeper outputs are not searched for text.

// FNV-1a can continue from any point: all it needs is the hash so far.
std::uint64_t hashed(std::uint64_t hash, std::string_view text) {
    constexpr std::uint64_t kPrime = 0x100000001b3;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    return hash;
}

// Takes a number, and the hyphen after it if there is one, from the front.
template <class Number>
bool take_number(std::string_view& text, int base, Number& number) {
    const auto* end = text.data() + text.size();
    const auto [next, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(next - text.data()));
    if (text.empty()) return true;
    if (text.front() != '-') return false;
    text.remove_prefix(1);
    return !text.empty();
}

std::optional<JsonView> member(const JsonView& object, std::string_view name) {
    if (object.kind() != JsonKind::kObject) return std::nullopt;
    for (const auto& each : object.members()) {
        if (each.name == name) return each.value;
    }
    return std::nullopt;
}

}  // namespace

void TextCursor::append(std::string_view text) {
    bytes += text.size();
    hash = hashed(hash, text);
}

bool TextCursor::begins(std::string_view text) const {
    return text.size() >= bytes && hashed(TextCursor().hash, text.substr(0, bytes)) == hash;
}

std::string TextCursor::str() const {
    return fmt::format("{}-{}-{:016x}", epoch, bytes, hash);
}

std::optional<TextCursor> TextCursor::parse(std::string_view id) {
    TextCursor cursor;
    const bool is_one = take_number(id, 10, cursor.epoch) && take_number(id, 10, cursor.bytes) &&
                        take_number(id, 16, cursor.hash) && id.empty() && cursor.epoch >= 0;
    if (!is_one) return std::nullopt;
    return cursor;
}

std::string OutputText::give(std::string text) {
    // Append the held deltas that follow now.
    auto end = reader_.bytes + text.size();
    while (!held_.empty() && held_.begin()->first <= end) {
        const auto next = held_.extract(held_.begin());
        held_bytes_ -= next.mapped().size();
        const auto had = std::min<std::uint64_t>(end - next.key(), next.mapped().size());
        text.append(next.mapped(), had);
        end = reader_.bytes + text.size();
    }
    reader_.append(text);
    return text;
}

std::string OutputText::take(std::uint64_t offset, std::string_view delta) {
    seen_ = std::max(seen_, offset + delta.size());
    if (offset + delta.size() <= reader_.bytes) return {};
    if (offset <= reader_.bytes) return give(std::string(delta.substr(reader_.bytes - offset)));
    if (held_bytes_ + delta.size() > kHeldMax) return {};
    if (held_.try_emplace(offset, delta).second) held_bytes_ += delta.size();
    return {};
}

std::string OutputText::take_whole(std::string_view text) {
    if (!reader_.begins(text)) return {};
    return give(std::string(text.substr(reader_.bytes)));
}

std::optional<std::string> text_of_output(std::string_view output_json) {
    if (check_json(output_json, kOutputDepthMax)) return std::nullopt;
    std::optional<JsonView> value(std::in_place, output_json);
    if (const auto choices = member(*value, "choices")) {
        if (choices->kind() != JsonKind::kArray) return std::nullopt;
        if (choices->size() != 1) return std::nullopt;
        value = choices->first_item();
    }
    if (const auto message = member(*value, "message")) {
        value = member(*message, "content");
    } else {
        value = member(*value, "text");
    }
    if (!value || value->kind() != JsonKind::kString) return std::nullopt;
    return value->string();
}

}  // namespace millrace::api
