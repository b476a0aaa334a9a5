#include "worker/backends/process/members.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/json/scan.h"

namespace millrace::backends::process {
namespace {

// The end of the value that begins at `at`; the end of the text if the value does not end.
std::size_t value_end(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = json_text::rough_string_end(text, at);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        ++at;
    }
    return at;
}

// The name without its quotes. Only escapes of ASCII are decoded; the rest stays as it stands.
std::string unquoted(std::string_view quoted) {
    const auto inner = quoted.substr(1, quoted.size() - 2);
    if (inner.find('\\') == std::string_view::npos) return std::string(inner);
    std::string name;
    for (std::size_t at = 0; at < inner.size();) {
        const auto unit = json_text::code_unit(inner.substr(at));
        if (unit && *unit < 0x80) {
            name += static_cast<char>(*unit);
            at += json_text::kUnicodeEscapeBytes;
        } else {
            name += inner[at++];
        }
    }
    return name;
}

}  // namespace

std::vector<Member> members(std::string_view text) {
    std::vector<Member> members;
    auto at = json_text::skip_space(text, 0);
    if (at == text.size() || text[at] != '{') return members;
    ++at;
    while (true) {
        const auto name_at = json_text::skip_space(text, at);
        if (name_at == text.size() || text[name_at] != '"') return members;
        const auto name_end = json_text::rough_string_end(text, name_at);
        const auto colon = json_text::skip_space(text, name_end);
        if (colon == text.size() || text[colon] != ':') return members;
        const auto begin = json_text::skip_space(text, colon + 1);
        at = value_end(text, begin);
        members.push_back({unquoted(text.substr(name_at, name_end - name_at)),
                           trimmed(text.substr(begin, at - begin))});
        if (at == text.size() || text[at] != ',') return members;
        ++at;
    }
}

std::string_view find(const std::vector<Member>& members, std::string_view name) {
    const auto found = std::find_if(members.rbegin(), members.rend(),
                                    [&](const Member& member) { return member.name == name; });
    return found == members.rend() ? std::string_view() : found->value;
}

}  // namespace millrace::backends::process
