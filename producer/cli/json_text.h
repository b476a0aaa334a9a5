// JSON as text: what a job holds is passed on and printed byte for byte, not as a parser writes it
// anew (which sorts members and rounds numbers).
//
// Pure. The views point into the text that they were made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

struct JsonMember {
    std::string name;
    std::string_view value;
};

// Whether it is one JSON value in UTF-8.
bool is_json(std::string_view text);

// Requires of each of these: is_json(), and the kind in its name.
std::vector<JsonMember> json_members(std::string_view object);
std::vector<std::string_view> json_elements(std::string_view array);

// The value of a member; "null" where there is none, or the text is no object.
std::string_view json_member(std::string_view object, std::string_view name);

// The object with the members of `defaults` that it does not have; objects in both are merged.
std::string json_merged(std::string_view object, std::string_view defaults);

// The object with one more member at its front.
std::string json_with(std::string_view object, std::string_view name, std::string_view value);

// "text" in quotes.
std::string json_string(std::string_view utf8);

// Without line breaks, which JSON has only between its values.
std::string one_line(std::string_view json);

}  // namespace millrace::cli
