#include "common/json/object_edit.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/json/json_view.h"

namespace millrace::json_text {
namespace {

// Equal for names that Go's encoding/json takes for the same: by ASCII without case, and the two
// other characters that fold to ASCII letters, the long s and the Kelvin sign.
std::string folded(std::string_view name) {
    auto text = lower(name);
    for (const auto& [from, to] : {std::pair("\u017F", "s"), std::pair("\u212A", "k")}) {
        const std::string_view character = from;
        for (auto at = text.find(character); at != text.npos; at = text.find(character, at)) {
            text.replace(at, character.size(), to);
        }
    }
    return text;
}

}  // namespace

void ObjectEdit::set(std::string_view name, std::string json) {
    changes_.push_back(
        {.name = std::string(name), .value = std::move(json), .is_added_if_missing = true});
}

void ObjectEdit::erase(std::string_view name) {
    changes_.push_back({.name = std::string(name), .is_erased = true});
}

void ObjectEdit::rename(std::string_view from, std::string_view to) {
    std::string quoted;
    quote(quoted, to);
    changes_.push_back({.name = std::string(from), .new_name = std::move(quoted)});
}

const ObjectEdit::Change* ObjectEdit::change_of(std::string_view name) const {
    const auto found = std::ranges::find(changes_, name, &Change::name);
    return found == changes_.end() ? nullptr : &*found;
}

bool ObjectEdit::is_look_alike(std::string_view name) const {
    if (change_of(name) != nullptr) return false;
    const auto alike = folded(name);
    return std::ranges::any_of(changes_,
                               [&](const Change& change) { return folded(change.name) == alike; });
}

std::string ObjectEdit::text() const {
    const auto members = JsonView(object_).members();
    std::vector<const JsonMember*> last(
        changes_.size());  // By change: the member that it is about.
    for (const auto& member : members) {
        if (const auto* change = change_of(member.name)) last[index_of(*change)] = &member;
    }
    std::string text;
    text.reserve(object_.size());
    const auto append = [&](const char* begin, const char* end) { text.append(begin, end); };

    const char* at = object_.data() + object_.find('{') + 1;
    append(object_.data(), at);
    bool is_first = true;
    for (const auto& member : members) {
        const char* begin = member.quoted_name.data();
        const auto* name_end = begin + member.quoted_name.size();
        const auto value = member.value.text();
        const char* gap = std::exchange(at, value.data() + value.size());
        const auto* change = change_of(member.name);
        const bool goes = change != nullptr
                              ? change->is_erased || last[index_of(*change)] != &member
                              : is_look_alike(member.name);
        if (goes) continue;
        // The first member that stays has no comma before it.
        const char* comma = std::find(gap, begin, ',');
        if (std::exchange(is_first, false) && comma != begin) gap = comma + 1;
        append(gap, begin);
        if (change != nullptr && !change->new_name.empty()) {
            text += change->new_name;
        } else {
            append(begin, name_end);
        }
        append(name_end, value.data());
        text +=
            change != nullptr && !change->value.empty() ? std::string_view(change->value) : value;
    }
    for (const auto& change : changes_) {
        if (!change.is_added_if_missing || last[index_of(change)] != nullptr) continue;
        if (!std::exchange(is_first, false)) text += ',';
        quote(text, change.name);
        text += ':';
        text += change.value;
    }
    append(at, object_.data() + object_.size());
    return text;
}

}  // namespace millrace::json_text
