#include "worker/backends/openai/tool_calls.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/json/mend.h"

namespace millrace::backends::openai {

using json_text::JsonKind;
using json_text::JsonMember;
using json_text::JsonView;

namespace {

// Per message. No legitimate answer has more.
constexpr std::size_t kCallsMax = 1024;
constexpr std::string_view kSpace = " \n\r\t";

bool is_object_text(std::string_view text) {
    const auto first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos || text[first] != '{') return false;
    return json_text::mend(text).has_value();
}

// The index, from 0, also if it is a string. Absent if it is anything else.
std::optional<std::int64_t> index_of(const JsonView& value) {
    const auto text =
        value.kind() == JsonKind::kString ? value.string() : std::string(value.text());
    std::int64_t index = -1;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, index);
    if (result.ec != std::errc() || result.ptr != end || index < 0) return std::nullopt;
    return index;
}

std::string text_of(const JsonView& value) {
    if (value.kind() == JsonKind::kString) return value.string();
    return is_blank(value) ? std::string() : std::string(value.text());
}

}  // namespace

// --- ObjectEnd ----------------------------------------------------------------------------------

void ObjectEnd::add(std::string_view piece) {
    for (const char c : piece) {
        if (is_closed_) {
            has_more_ = has_more_ || kSpace.find(c) == std::string_view::npos;
        } else if (std::exchange(is_escaped_, false)) {
            continue;
        } else if (in_string_) {
            is_escaped_ = c == '\\';
            in_string_ = c != '"';
        } else if (c == '{' || c == '[') {
            ++depth_;
        } else if (c == '}' || c == ']') {
            is_closed_ = depth_ <= 1;
            --depth_;
        } else {
            in_string_ = c == '"';
        }
    }
}

// --- FunctionPieces -----------------------------------------------------------------------------

bool FunctionPieces::add(const JsonView& piece) {
    if (piece.kind() == JsonKind::kNull) return true;
    if (piece.kind() != JsonKind::kObject) return false;
    bool fine = true;
    for (const auto& member : piece.members()) {
        if (member.name == "name") {
            fine = fine && add_name(member.value);
        } else if (member.name == "arguments") {
            fine = fine && add_arguments(member.value);
        } else {
            rest_bytes_ += rest_.add(member.name, member.value, Joining::kPieces);
        }
    }
    return fine;
}

bool FunctionPieces::add_name(const JsonView& piece) {
    if (piece.kind() == JsonKind::kNull) return true;
    if (piece.kind() != JsonKind::kString) return false;
    const auto name = piece.string();
    if (name.empty() || name == name_) return true;
    // Names end before arguments begin.
    if (!arguments_.empty() && !name_.empty()) return false;
    // Some servers repeat the name so far, with more after it.
    if (name.starts_with(name_)) name_.clear();
    json_text::join_text(name_, name);
    return true;
}

bool FunctionPieces::add_arguments(const JsonView& piece) {
    switch (piece.kind()) {
        case JsonKind::kNull:
            return true;
        case JsonKind::kString:
            append(piece.string());
            return true;
        case JsonKind::kObject:
            // OpenAI sends the object as text.
            if (arguments_ != piece.text()) append(piece.text());
            return true;
        default:
            return false;
    }
}

void FunctionPieces::append(std::string_view arguments) {
    json_text::join_text(arguments_, arguments);
    end_.add(arguments);
}

bool FunctionPieces::is_whole() const {
    return end_.is_reached() && is_object_text(arguments_);
}

void FunctionPieces::write(std::string& json) const {
    json += R"({"name":)";
    json_text::quote(json, name_);
    json += R"(,"arguments":)";
    json_text::quote(json, arguments_);
    rest_.write_members(json, {});
    json += '}';
}

// --- ToolCalls ----------------------------------------------------------------------------------

bool ToolCalls::add(const JsonView& deltas) {
    if (deltas.kind() == JsonKind::kNull) return true;
    const auto list =
        deltas.kind() == JsonKind::kArray ? deltas.items() : std::vector<JsonView>{deltas};
    for (std::size_t place = 0; place < list.size(); ++place) {
        if (list[place].kind() != JsonKind::kObject) return false;
        const auto members = list[place].members();
        auto piece = piece_of(members);
        if (!piece.index && piece.id.empty() && list.size() > 1) {
            piece.index = static_cast<std::int64_t>(place);
        }
        if (!add_to(call_of(piece), piece, members) || calls_.size() > kCallsMax) return false;
    }
    return true;
}

ToolCalls::Piece ToolCalls::piece_of(const std::vector<JsonMember>& members) {
    Piece piece;
    for (const auto& member : members) {
        if (member.name == "index") piece.index = index_of(member.value);
        if (member.name == "id") piece.id = text_of(member.value);
        if (member.name != "function" || member.value.kind() != JsonKind::kObject) continue;
        for (const auto& part : member.value.members()) {
            if (part.name == "name") piece.name = text_of(part.value);
            if (part.name == "arguments") piece.arguments = text_of(part.value);
        }
    }
    return piece;
}

ToolCalls::Call& ToolCalls::call_of(const Piece& piece) {
    if (piece.index) return call_of_index(piece);
    if (!piece.id.empty()) return call_of_id(piece);
    return calls_.empty() ? make(piece) : go_on_with(calls_.back(), piece);
}

ToolCalls::Call& ToolCalls::call_of_index(const Piece& piece) {
    auto* latest = find(piece.index, {});
    if (latest == nullptr) return make(piece);
    if (piece.id.empty() || latest->id.empty() || latest->id == piece.id) {
        return go_on_with(*latest, piece);
    }
    if (auto* known = find(piece.index, piece.id)) return go_on_with(*known, piece);
    if (!piece.name.empty()) return make(piece);
    // Some servers make a new id for each piece. Only a name, or more after the end, begins another
    // call.
    const bool says_more = piece.arguments.find_first_not_of(kSpace) != std::string::npos;
    if (says_more && latest->function.is_whole()) return make(piece);
    if (!says_more) latest->spare_id = piece.id;
    return *latest;
}

ToolCalls::Call& ToolCalls::call_of_id(const Piece& piece) {
    if (auto* known = find(std::nullopt, piece.id)) return go_on_with(*known, piece);
    const bool is_late = !calls_.empty() && calls_.back().id.empty() && piece.name.empty();
    return is_late ? calls_.back() : make(piece);
}

ToolCalls::Call& ToolCalls::go_on_with(Call& call, const Piece& piece) {
    return begins_another(call, piece) ? make(piece) : call;
}

// Some servers repeat the whole call at the end.
bool ToolCalls::repeats(const Call& call, const Piece& piece) {
    return !piece.id.empty() && piece.id == call.id &&
           piece.arguments == call.function.arguments() && call.function.is_whole();
}

bool ToolCalls::begins_another(const Call& call, const Piece& piece) {
    const auto& function = call.function;
    if (piece.name.empty() || function.name().empty() || function.arguments().empty()) return false;
    if (piece.name != function.name()) return true;
    const bool says_more = piece.arguments.find_first_not_of(kSpace) != std::string::npos;
    return says_more && function.is_whole() && !repeats(call, piece);
}

ToolCalls::Call& ToolCalls::make(const Piece& piece) {
    Call call{.index = piece.index, .id = {}, .spare_id = {}, .function = {}};
    auto* latest = piece.index ? find(piece.index, {}) : nullptr;
    if (piece.id.empty() && latest != nullptr && !latest->spare_id.empty()) {
        call.id = std::exchange(latest->spare_id, {});
        std::string quoted;
        json_text::quote(quoted, call.id);
        call.rest.set_json("id", std::move(quoted));
    }
    return calls_.emplace_back(std::move(call));
}

ToolCalls::Call* ToolCalls::find(std::optional<std::int64_t> index, const std::string& id) {
    const auto found = std::find_if(calls_.rbegin(), calls_.rend(), [&](const Call& call) {
        return (!index || call.index == index) && (id.empty() || call.id == id);
    });
    return found == calls_.rend() ? nullptr : &*found;
}

bool ToolCalls::add_to(Call& call, const Piece& piece, const std::vector<JsonMember>& members) {
    if (repeats(call, piece)) return true;
    for (const auto& member : members) {
        if (member.name == "index") continue;
        if (member.name == "function") {
            if (!call.rest.has("function")) call.rest.set_json("function", "null");
            if (!call.function.add(member.value)) return false;
        } else if (member.name == "id") {
            if (piece.id.empty() || !call.id.empty()) continue;
            call.id = piece.id;
            call.rest.set_json("id", std::string(member.value.text()));
        } else if (!is_blank(member.value)) {
            call.rest_bytes += call.rest.add(member.name, member.value, Joining::kPieces);
        }
    }
    return true;
}

bool ToolCalls::have_names() const {
    return std::ranges::all_of(calls_, [](const Call& call) {
        return !call.rest.has("function") || !call.function.name().empty();
    });
}

std::size_t ToolCalls::bytes() const {
    std::size_t bytes = 0;
    for (const auto& call : calls_) {
        bytes += call.id.size() + call.function.bytes() + call.rest_bytes;
    }
    return bytes;
}

void ToolCalls::write(std::string& json) const {
    std::vector<const Call*> order;
    for (const auto& call : calls_) order.push_back(&call);
    const auto has_index = [](const Call& call) { return call.index.has_value(); };
    if (std::ranges::all_of(calls_, has_index)) {
        std::ranges::stable_sort(order, {}, [](const Call* call) { return *call->index; });
    }
    json += '[';
    for (const auto* call : order) {
        if (call != order.front()) json += ',';
        auto members = call->rest;
        if (members.has("function")) {
            std::string function;
            call->function.write(function);
            members.set_json("function", std::move(function));
        }
        members.write(json);
    }
    json += ']';
}

}  // namespace millrace::backends::openai
