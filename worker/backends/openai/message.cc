#include "worker/backends/openai/message.h"

#include <algorithm>

namespace millrace::backends::openai {

using json_text::JsonKind;
using json_text::JsonView;

// --- ContentPieces ------------------------------------------------------------------------------

bool ContentPieces::add(const JsonView& piece, std::string& text) {
    switch (piece.kind()) {
        case JsonKind::kNull:
            return true;
        case JsonKind::kString:
            add_text(piece.string(), text);
            return true;
        case JsonKind::kObject:
            return add_part(piece, text);
        case JsonKind::kArray: {
            const auto parts = piece.items();
            return std::ranges::all_of(parts,
                                       [&](const JsonView& part) { return add_part(part, text); });
        }
        default:
            return false;
    }
}

void ContentPieces::add_text(const std::string& piece, std::string& text) {
    if (piece.empty()) return;
    if (parts_.empty() || !parts_.back().is_text) parts_.emplace_back();
    json_text::join_text(parts_.back().value, piece);
    bytes_ += piece.size();
    text += piece;
}

bool ContentPieces::add_part(const JsonView& part, std::string& text) {
    is_list_ = true;
    if (part.kind() == JsonKind::kString) {
        add_text(part.string(), text);
        return true;
    }
    if (part.kind() != JsonKind::kObject) return false;
    const auto members = part.members();
    const auto is = [&](std::string_view name, std::string_view value) {
        return std::ranges::any_of(members, [&](const json_text::JsonMember& member) {
            return member.name == name && member.value.kind() == JsonKind::kString &&
                   (value.empty() || member.value.string() == value);
        });
    };
    if (is("type", "text") && is("text", {}) && members.size() == 2) {
        for (const auto& member : members) {
            if (member.name == "text") add_text(member.value.string(), text);
        }
        return true;
    }
    parts_.push_back({.is_text = false, .value = std::string(part.text())});
    bytes_ += part.text().size() + sizeof(Part);
    return true;
}

void ContentPieces::write(std::string& json) const {
    if (!is_list_) return json_text::quote(json, parts_.empty() ? "" : parts_.front().value);
    json += '[';
    bool first = true;
    for (const auto& part : parts_) {
        if (!first) json += ',';
        first = false;
        if (!part.is_text) {
            json += part.value;
            continue;
        }
        json += R"({"type":"text","text":)";
        json_text::quote(json, part.value);
        json += '}';
    }
    json += ']';
}

// --- Message ------------------------------------------------------------------------------------

bool Message::add(const JsonView& delta, std::string& text) {
    if (delta.kind() == JsonKind::kNull) return true;
    if (delta.kind() != JsonKind::kObject) return false;
    for (const auto& [name, _, value] : delta.members()) {
        bool fine = true;
        if (name == "content") {
            fine = content_.add(value, text);
        } else if (name == "tool_calls") {
            fine = tool_calls_.add(value);
        } else if (name == "function_call") {
            has_function_call_ = has_function_call_ || !is_blank(value);
            fine = function_call_.add(value);
        } else {
            rest_bytes_ += rest_.add(name, value, Joining::kPieces);
        }
        if (!fine) return false;
    }
    return true;
}

bool Message::speaks() const {
    return spoken_bytes() > 0 || has_other_content();
}

std::size_t Message::spoken_bytes() const {
    return content_.bytes() + tool_calls_.bytes() + function_call_.bytes();
}

bool Message::has_other_content() const {
    return !tool_calls_.empty() || has_function_call_ || !rest_.is_blank("refusal") ||
           !rest_.is_blank("audio");
}

std::size_t Message::bytes() const {
    return spoken_bytes() + rest_bytes_;
}

void Message::write(std::string& json) const {
    json += R"({"role":)";
    json_text::quote(json, rest_.is_blank("role") ? "assistant" : rest_.string("role"));
    json += R"(,"content":)";
    if (content_.empty() && has_other_content()) {
        json += "null";
    } else {
        content_.write(json);
    }
    rest_.write_members(json, {"role"});
    if (!tool_calls_.empty()) {
        json += R"(,"tool_calls":)";
        tool_calls_.write(json);
    }
    if (has_function_call_) {
        json += R"(,"function_call":)";
        function_call_.write(json);
    }
    json += '}';
}

}  // namespace millrace::backends::openai
