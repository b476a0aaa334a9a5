// Checks whether a text is one JSON value (RFC 8259) that can be passed on and stored.
//
// Which of the readers in this folder reads a text depends on whose it is:
//
//   a client's body        check_json() finds it fit or refuses it; then JsonView reads it
//   a job's stored input   was found fit on its way in; JsonView reads it
//   of a server, a model   mend() makes it fit or refuses it; then JsonView or a parser reads it
//   or a program
//
// It is stricter than the grammar where something downstream would fail: nesting is limited before
// anything is built, text must be valid UTF-8, surrogates must come in pairs, U+0000 is refused
// (PostgreSQL cannot store it), and numbers must fit a double.
//
// Threads: pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::json_text {

struct JsonFault {
    std::size_t offset = 0;  // The position of the offending byte.
    bool too_deep = false;
    std::string what;  // "expected a comma or a closing brace"
};

// Where the larger arrays and objects of a checked text end, so that a JsonView of the text does
// not read them a second time to find what follows them. Holds at most a quarter of the text's
// size.
//
// Owns nothing: refers to the text by address.
class JsonOutline {
 public:
    // Where the array or object that begins at this character ends: after its last one. Null: it is
    // not in here, because it is small or lies deep.
    const char* end_of(const char* begin) const;

 private:
    friend class OutlineBuilder;
    std::vector<std::pair<const char*, const char*>> ends_;  // By begin, ascending.
};

// Returns nothing if the text is valid. Recursion is at most `depth_max` deep. Fills an empty
// outline, which is of no use if the text is invalid.
std::optional<JsonFault> check_json(std::string_view text, int depth_max,
                                    JsonOutline* outline = nullptr);

// A position for people, such as "line 2, column 5". Columns count bytes.
std::string position_text(std::string_view text, std::size_t offset);

// The number of characters (code points) in valid UTF-8.
std::size_t utf8_length(std::string_view text);

}  // namespace millrace::json_text
