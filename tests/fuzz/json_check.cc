// Checks, reads and edits JSON as text, and compares with nlohmann/json.
#include <nlohmann/json.hpp>

#include "common/json/json_syntax.h"
#include "common/json/json_view.h"
#include "common/json/object_edit.h"
#include "tests/fuzz/fuzz.h"

namespace millrace::fuzz {
namespace {

using json_text::JsonKind;
using json_text::JsonView;
using nlohmann::json;

constexpr int kDepthMax = 40;

int depth_of(const json& value) {
    int deepest = 0;
    if (!value.is_structured()) return 0;
    for (const auto& item : value) deepest = std::max(deepest, depth_of(item));
    return deepest + 1;
}

bool has_nul(const json& value) {
    if (value.is_string())
        return value.get_ref<const std::string&>().find('\0') != std::string::npos;
    if (!value.is_structured()) return false;
    for (const auto& [key, item] : value.items()) {
        if (key.find('\0') != std::string::npos || has_nul(item)) return true;
    }
    return false;
}

// Whether the view reads what nlohmann reads. Of members of the same name, nlohmann keeps the last.
void expect_same(const JsonView& view, const json& tree) {
    switch (view.kind()) {
        case JsonKind::kNull:
            return expect(tree.is_null());
        case JsonKind::kBoolean:
            return expect(tree.is_boolean() && tree.get<bool>() == (view.text() == "true"));
        case JsonKind::kString:
            return expect(tree.is_string() && tree.get_ref<const std::string&>() == view.string());
        case JsonKind::kNumber: {
            expect(tree.is_number());
            const auto integer = view.integer();
            if (integer) expect(tree.is_number_integer() && tree.get<std::int64_t>() == *integer);
            if (tree.is_number_integer() && !tree.is_number_unsigned()) expect(integer.has_value());
            return;
        }
        case JsonKind::kArray: {
            const auto items = view.items();
            expect(tree.is_array() && tree.size() == items.size() && view.size() == items.size());
            for (std::size_t i = 0; i < items.size(); ++i) expect_same(items[i], tree[i]);
            if (!items.empty()) expect(view.first_item()->text() == items.front().text());
            return;
        }
        case JsonKind::kObject: {
            const auto members = view.members();
            expect(tree.is_object() && view.size() == members.size());
            for (const auto& [name, value] : tree.items()) {
                const auto* found = json_text::find(members, name);
                expect(found != nullptr);
                expect_same(*found, value);
            }
            for (const auto& member : members) expect(tree.contains(member.name));
            return;
        }
    }
}

void edit(std::string_view object) {
    json_text::ObjectEdit edit(object);
    edit.set("model", "1");
    edit.erase("stream");
    edit.rename("image_prompt", "prompt");
    const auto text = edit.text();
    expect(!json_text::check_json(text, kDepthMax));
    const auto tree = json::parse(text);
    expect(tree["model"] == 1 && !tree.contains("stream") && !tree.contains("image_prompt"));
}

}  // namespace

void read(std::string_view input) {
    // nlohmann takes U+0000 for the end, skips a byte order mark, and recurses.
    if (input.find('\0') != std::string_view::npos || input.starts_with("\xEF\xBB\xBF")) return;
    json_text::JsonOutline outline;
    const auto fault = json_text::check_json(input, kDepthMax, &outline);
    if (fault) {
        expect(fault->offset <= input.size());
        static_cast<void>(json_text::position_text(input, fault->offset));
        if (fault->too_deep) return;
    }
    const auto tree = json::parse(input, nullptr, false);
    // The tree has only the last of several members of a name.
    const bool may_have_nul = input.find("\\u0000") != std::string_view::npos;
    if (fault) return expect(tree.is_discarded() || may_have_nul);
    expect(!tree.is_discarded() && !has_nul(tree) && depth_of(tree) <= kDepthMax);
    expect_same(JsonView(input), tree);
    expect_same(JsonView(input, &outline), tree);
    if (tree.is_object()) edit(input);
}

}  // namespace millrace::fuzz
