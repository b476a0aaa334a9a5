// A look into the text of one JSON value. Nothing is copied or built: a value is a piece of the
// text, so what a client or a server wrote is passed on exactly as it came.
//
// Threads: values. Owns nothing: the text must outlive the view.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::json_text {

enum class JsonKind { kNull, kBoolean, kNumber, kString, kArray, kObject };

// "an object", "a string": for messages.
std::string_view phrase(JsonKind kind);

struct JsonMember;

class JsonView {
 public:
    // Requires: the text has the form of a value, as check_json or mend() have found. Its strings
    // may have halves of surrogate pairs and bytes that are no UTF-8.
    explicit JsonView(std::string_view text);

    JsonKind kind() const;
    std::string_view text() const { return text_; }  // Without spaces around it.

    // Requires of each: the kind in its name.
    std::vector<JsonMember> members() const;
    std::vector<JsonView> items() const;
    // Halves of surrogate pairs become three bytes each, as if they were characters: join_text()
    // puts those together that came in two strings.
    std::string string() const;
    // Of a number. Nothing where it has a fraction or an exponent, or does not fit.
    std::optional<std::int64_t> integer() const;

 private:
    std::string_view text_;
};

struct JsonMember {
    std::string name;
    std::string_view quoted_name;  // As it stands in the text.
    JsonView value;
};

// Appends a piece of a text to what came before it. A low half of a surrogate pair that follows its
// high half makes a character of both.
void join_text(std::string& text, std::string_view piece);

// Halves of surrogate pairs that have stayed alone become U+FFFD.
void replace_halves(std::string& text);

// Appends the text as a JSON string; what is no text in it becomes U+FFFD.
void quote(std::string& json, std::string_view text);

}  // namespace millrace::json_text
