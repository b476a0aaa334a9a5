#include "worker/backends/openai/merged.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/text.h"

namespace millrace::backends::openai {

using json_text::JsonKind;
using json_text::JsonView;

namespace {

// Objects with more members are tables, for example of a whole vocabulary, and are not joined.
constexpr std::size_t kMembersMax = 1000;

// No known server sends pieces nested deeper.
constexpr int kJoinDepthMax = 8;

// Up to this many members, a linear search suffices.
constexpr std::size_t kMembersFew = 32;

// Strings that are never pieces of a text, at any level of a delta.
constexpr std::array<std::string_view, 12> kNames{"id",      "type",     "role",      "name",
                                                  "object",  "model",    "format",    "recipient",
                                                  "channel", "provider", "mime_type", "status"};

bool is_name(std::string_view name) {
    return std::ranges::find(kNames, name) != kNames.end();
}

// The text between the brackets or braces.
std::string_view items_of(std::string_view list) {
    return trimmed(list.substr(1, list.size() - 2));
}

bool is_blank_json(std::string_view text) {
    constexpr std::array<std::string_view, 7> kBlank{"null", "false", "\"\"", "0",
                                                     "0.0",  "[]",    "{}"};
    return std::ranges::find(kBlank, text) != kBlank.end();
}

}  // namespace

bool is_blank(const JsonView& value) {
    switch (value.kind()) {
        case JsonKind::kArray:
        case JsonKind::kObject:
            return items_of(value.text()).empty();
        default:
            return is_blank_json(value.text());
    }
}

// --- MergedObject -------------------------------------------------------------------------------

std::size_t MergedObject::add(std::string_view name, const JsonView& value, Joining joining,
                              int depth) {
    const auto known = members_.size();
    auto& member = at(name);
    if (members_.size() == known) return member.value.add(name, value, joining, depth);
    const auto room = members_.size() > kMembersFew ? sizeof(MergedMember) : 0;
    return room + name.size() + member.value.add(name, value, joining, depth);
}

void MergedObject::set_json(std::string_view name, std::string json) {
    at(name).value.set_json(std::move(json));
}

bool MergedObject::is_blank(std::string_view name) const {
    const auto* member = find(name);
    return member == nullptr || member->value.is_blank();
}

std::string_view MergedObject::string(std::string_view name) const {
    const auto* member = find(name);
    return member == nullptr ? std::string_view() : member->value.string();
}

std::string MergedObject::json(std::string_view name) const {
    std::string json;
    if (const auto* member = find(name)) member->value.write(json);
    return json;
}

void MergedObject::write(std::string& json) const {
    const auto begin = json.size();
    write_members(json, {});
    if (json.size() == begin) json += ',';
    json[begin] = '{';
    json += '}';
}

void MergedObject::write_members(std::string& json,
                                 const std::vector<std::string_view>& except) const {
    for (const auto& [name, value] : members_) {
        if (std::ranges::find(except, name) != except.end()) continue;
        json += ',';
        json_text::quote(json, name);
        json += ':';
        value.write(json);
    }
}

std::optional<std::size_t> MergedObject::place_of(std::string_view name) const {
    if (!places_.empty()) {
        const auto known = places_.find(std::string(name));
        return known == places_.end() ? std::nullopt : std::optional(known->second);
    }
    const auto found = std::ranges::find(members_, name, &MergedMember::name);
    if (found == members_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - members_.begin());
}

const MergedMember* MergedObject::find(std::string_view name) const {
    const auto place = place_of(name);
    return place ? &members_[*place] : nullptr;
}

MergedMember& MergedObject::at(std::string_view name) {
    if (const auto place = place_of(name)) return members_[*place];
    members_.push_back({.name = std::string(name), .value = {}});
    if (members_.size() > kMembersFew) {
        for (auto i = places_.size(); i < members_.size(); ++i)
            places_.emplace(members_[i].name, i);
    }
    return members_.back();
}

// --- MergedValue --------------------------------------------------------------------------------

std::size_t MergedValue::add(std::string_view name, const JsonView& value, Joining joining,
                             int depth) {
    if (openai::is_blank(value) && !is_blank()) return 0;
    if (value.kind() == JsonKind::kObject) return add_object(value, joining, depth);
    const auto before = text_.size();
    if (value.kind() == JsonKind::kString) {
        add_string(name, value.string(), joining);
    } else if (value.kind() == JsonKind::kArray) {
        add_list(items_of(value.text()), joining);
    } else if (value.kind() != JsonKind::kNull || form_ == Form::kNothing) {
        // Null is the weakest of the blanks: it replaces none of them.
        set_json(std::string(value.text()));
    }
    return text_.size() > before ? text_.size() - before : 0;
}

void MergedValue::set_json(std::string json) {
    form_ = Form::kJson;
    text_ = std::move(json);
    object_ = {};
}

bool MergedValue::is_blank() const {
    switch (form_) {
        case Form::kNothing:
            return true;
        case Form::kJson:
            return is_blank_json(text_);
        case Form::kText:
        case Form::kList:
            return text_.empty();
        case Form::kObject:
            return object_.empty();
    }
    return true;
}

std::string_view MergedValue::string() const {
    return form_ == Form::kText ? text_ : std::string_view();
}

void MergedValue::add_string(std::string_view name, const std::string& piece, Joining joining) {
    if (joining == Joining::kPieces && form_ == Form::kList && !text_.empty()) {
        std::string quoted;
        json_text::quote(quoted, piece);
        return add_list(quoted, joining);
    }
    const bool joins = joining == Joining::kPieces && !is_name(name) && form_ == Form::kText;
    if (!joins) text_.clear();
    form_ = Form::kText;
    json_text::join_text(text_, piece);
}

void MergedValue::add_list(std::string_view items, Joining joining) {
    if (joining == Joining::kLatest || is_blank()) {
        text_.clear();
    } else if (form_ != Form::kList) {
        become_list();
    }
    form_ = Form::kList;
    if (!text_.empty() && !items.empty()) text_ += ',';
    text_ += items;
}

std::size_t MergedValue::add_object(const JsonView& object, Joining joining, int depth) {
    const auto keep = [&] {
        set_json(std::string(object.text()));
        return text_.size();
    };
    if (depth >= kJoinDepthMax) return keep();
    const auto members = object.members();
    if (members.size() > kMembersMax) return keep();
    if (form_ != Form::kObject) {
        text_.clear();
        form_ = Form::kObject;
    }
    std::size_t bytes = 0;
    for (const auto& member : members) {
        bytes += object_.add(member.name, member.value, joining, depth + 1);
    }
    return bytes;
}

void MergedValue::become_list() {
    std::string item;
    write(item);
    text_ = std::move(item);
    object_ = {};
}

void MergedValue::write(std::string& json) const {
    switch (form_) {
        case Form::kNothing:
            json += "null";
            return;
        case Form::kJson:
            json += text_;
            return;
        case Form::kText:
            return json_text::quote(json, text_);
        case Form::kList:
            json += '[';
            json += text_;
            json += ']';
            return;
        case Form::kObject:
            return object_.write(json);
    }
}

}  // namespace millrace::backends::openai
