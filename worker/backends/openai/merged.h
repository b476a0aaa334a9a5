// JSON values that come in pieces, put together member by member. What is not ours to understand is
// kept as it was written: the order of members, the digits of numbers.
//
// Threads:   values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/json/json_view.h"

namespace millrace::worker {

// How a value is joined to the one of the same name that came before it. A blank one takes the
// place of nothing: it says that the server has nothing to say this time.
enum class Joining {
    kLatest,  // The latest counts; objects are joined member by member.
    kLists,   // The same, but lists are joined. For what stands beside a delta.
    kPieces,  // Strings and lists are joined, but for strings that are names. For deltas.
};

// Null, false, "", 0, [] and {}.
bool is_blank(const json_text::JsonView& value);

struct MergedMember;

class MergedObject {
 public:
    // `name` also tells pieces of a text from names ("id", "type"), which may be repeated. Returns
    // by how many bytes the whole has grown; where members are many, with what each takes beside
    // its text. `depth`: the object stands in so many others; what is deeper than a few is not
    // joined but kept as it stands, so that a value is looked through a few times at most.
    std::size_t add(std::string_view name, const json_text::JsonView& value, Joining joining,
                    int depth = 0);
    // Of the member of that name, where it first was; at the end where there is none.
    void set_json(std::string_view name, std::string json);

    bool empty() const { return members_.empty(); }
    bool has(std::string_view name) const { return find(name) != nullptr; }
    bool is_blank(std::string_view name) const;  // Also where there is none.
    // What the member says; empty where it is no string.
    std::string_view string(std::string_view name) const;
    // The member as JSON; empty where there is none.
    std::string json(std::string_view name) const;

    // {…}
    void write(std::string& json) const;
    // Each with a comma before it, but for those of the names in `except`.
    void write_members(std::string& json, const std::vector<std::string_view>& except) const;

 private:
    std::optional<std::size_t> place_of(std::string_view name) const;
    const MergedMember* find(std::string_view name) const;
    MergedMember& at(std::string_view name);

    std::vector<MergedMember> members_;  // In order of appearance.
    // Of members_, by name, where they are many: no server shall make a search of each of them.
    std::unordered_map<std::string, std::size_t> places_;
};

class MergedValue {
 public:
    std::size_t add(std::string_view name, const json_text::JsonView& value, Joining joining,
                    int depth);
    void set_json(std::string json);

    bool is_blank() const;
    std::string_view string() const;
    void write(std::string& json) const;

 private:
    // kJson: text_ is one value as it stands. kText: text_ is what a string says. kList: text_ has
    // the items, with commas between them.
    enum class Form { kNothing, kJson, kText, kList, kObject };

    void add_string(std::string_view name, const std::string& piece, Joining joining);
    void add_list(std::string_view items, Joining joining);
    std::size_t add_object(const json_text::JsonView& object, Joining joining, int depth);
    // What there is becomes the first item of a list.
    void become_list();

    Form form_ = Form::kNothing;
    std::string text_;
    MergedObject object_;
};

struct MergedMember {
    std::string name;
    MergedValue value;
};

}  // namespace millrace::worker
