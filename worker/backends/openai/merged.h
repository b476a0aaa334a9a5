// JSON values assembled from pieces, member by member. Parts that need no interpretation are kept
// as they were written: the order of members, the digits of numbers.
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

namespace millrace::backends::openai {

// How a value is joined to the previous one of the same name. A blank value never replaces another:
// it means that the server has nothing to add.
enum class Joining {
    kLatest,  // The latest counts; objects are joined member by member.
    kLists,   // The same, but lists are joined. For members beside a delta.
    kPieces,  // Strings and lists are joined, except strings that are names. For deltas.
};

// Whether it is null, false, "", 0, [] or {}.
bool is_blank(const json_text::JsonView& value);

struct MergedMember;

class MergedObject {
 public:
    // `name` also distinguishes pieces of a text from names ("id", "type"), which may be repeated.
    // Returns the number of bytes by which the whole has grown; if there are many members, this
    // includes the overhead of each. `depth`: the number of enclosing objects. Values nested more
    // than a few levels deep are kept as they are instead of joined, so that each is scanned only a
    // few times.
    std::size_t add(std::string_view name, const json_text::JsonView& value, Joining joining,
                    int depth = 0);
    // Sets the member of that name in its place; appends one if there is none.
    void set_json(std::string_view name, std::string json);

    bool empty() const { return members_.empty(); }
    bool has(std::string_view name) const { return find(name) != nullptr; }
    bool is_blank(std::string_view name) const;  // True also if there is none.
    // The member's string; empty if it is not one.
    std::string_view string(std::string_view name) const;
    // The member as JSON; empty if there is none.
    std::string json(std::string_view name) const;

    // {…}
    void write(std::string& json) const;
    // Writes each with a comma before it, except those named in `except`.
    void write_members(std::string& json, const std::vector<std::string_view>& except) const;

 private:
    std::optional<std::size_t> place_of(std::string_view name) const;
    const MergedMember* find(std::string_view name) const;
    MergedMember& at(std::string_view name);

    std::vector<MergedMember> members_;  // In order of appearance.
    // The places in members_ by name, kept once there are many, so that no server can turn every
    // lookup into a search of all.
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
    // kJson: text_ is one value as it was written. kText: text_ is the decoded string. kList: text_
    // has the items, separated by commas.
    enum class Form { kNothing, kJson, kText, kList, kObject };

    void add_string(std::string_view name, const std::string& piece, Joining joining);
    void add_list(std::string_view items, Joining joining);
    std::size_t add_object(const json_text::JsonView& object, Joining joining, int depth);
    // Makes the current value the first item of a list.
    void become_list();

    Form form_ = Form::kNothing;
    std::string text_;
    MergedObject object_;
};

struct MergedMember {
    std::string name;
    MergedValue value;
};

}  // namespace millrace::backends::openai
