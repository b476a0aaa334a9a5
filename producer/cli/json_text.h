// JSON as text. What a job contains is passed on and printed byte for byte, because a parser that
// writes it again would sort members and round numbers.
//
// Pure. The returned views point into the given text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

struct JsonMember {
    std::string name;
    std::string_view value;
};

// Discarded if the text is not JSON. Here once, because nlohmann's parser costs each module that
// instantiates it two seconds of compile time.
nlohmann::json parse_json(std::string_view text);

// Says why `part` of `text` is not a JSON object that the gateway can store, by the gateway's own
// rules: "line 2, column 14: expected a value", where the place is in `text`. Empty if it is one.
std::string object_fault(std::string_view text, std::string_view part);

// Each of these requires valid JSON, and a value of the kind in its name.
std::vector<JsonMember> json_members(std::string_view object);
std::vector<std::string_view> json_elements(std::string_view array);

// The value of a member; "null" if it is absent or the text is not an object.
std::string_view json_member(std::string_view object, std::string_view name);

// Returns the object plus the members of `defaults` that it lacks. Objects in both are merged.
std::string json_merged(std::string_view object, std::string_view defaults);

// Returns the object with one more member at its front.
std::string json_with(std::string_view object, std::string_view name, std::string_view value);

// Returns the text in quotes, as a JSON string.
std::string json_string(std::string_view utf8);

// Removes the line breaks; JSON has them only between its values.
std::string one_line(std::string_view json);

}  // namespace millrace::cli
