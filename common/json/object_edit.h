// Changes members of an object and leaves every other byte of its text unchanged.
//
// Threads: values. The text must outlive the edit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::json_text {

class ObjectEdit {
 public:
    // Requires: the text is one JSON object, as mend() has verified.
    explicit ObjectEdit(std::string_view object) : object_(object) {}

    // If a member that is edited occurs twice, the last one counts, as for most readers, and the
    // others are removed. So are members whose names differ from an edited one only in case: a
    // reader written in Go would take them for it. Names in later calls are those of the original
    // text.
    void set(std::string_view name, std::string json);  // In place, or at the end.
    void erase(std::string_view name);
    void rename(std::string_view from, std::string_view to);  // If it exists.

    std::string text() const;

 private:
    struct Change {
        std::string name;
        std::string new_name;  // Quoted; empty: the same.
        std::string value;     // Empty: the same.
        bool is_erased = false;
        bool is_added_if_missing = false;
    };

    const Change* change_of(std::string_view name) const;
    bool is_look_alike(std::string_view name) const;
    std::size_t index_of(const Change& change) const {
        return static_cast<std::size_t>(&change - changes_.data());
    }

    std::string_view object_;
    std::vector<Change> changes_;
};

}  // namespace millrace::json_text
