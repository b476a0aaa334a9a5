// A view of the text of one JSON value. Nothing is copied or built: a value is a piece of the text,
// so that the text of a client or a server is passed on exactly as it came.
//
// Threads: values. Owns nothing: the text must outlive the view.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::json_text {

enum class JsonKind { kNull, kBoolean, kNumber, kString, kArray, kObject };

// "an object", "a string"; for messages.
std::string_view phrase(JsonKind kind);

struct JsonMember;
class JsonOutline;

class JsonView {
 public:
    static constexpr auto kAll = static_cast<std::size_t>(-1);

    // Requires: the text has the form of a value, as check_json or mend() has verified. Its strings
    // may contain halves of surrogate pairs and bytes that are not UTF-8. With the outline that the
    // check made, which must outlive the view, it is quicker.
    explicit JsonView(std::string_view text, const JsonOutline* outline = nullptr);

    JsonKind kind() const;
    std::string_view text() const { return text_; }  // Without the space around it.

    // Calls `take` with each item of an array, or with each member of an object until it returns
    // false. A list of all may take many times the memory of the text.
    void each_item(const std::function<void(const JsonView&)>& take) const;
    void each_member(const std::function<bool(JsonMember)>& take) const;
    std::size_t size() const;  // The number of items or members.

    // Each of these requires the kind in its name.
    std::vector<JsonMember> members(std::size_t most = kAll) const;  // The first `most` of them.
    std::vector<JsonView> items() const;
    std::optional<JsonView> first_item() const;  // Nothing in an empty array.
    // Each half of a surrogate pair becomes three bytes, as if it were a character; join_text()
    // combines two halves that arrive in two strings.
    std::string string() const;
    // Returns nothing if the number has a fraction or an exponent, or does not fit.
    std::optional<std::int64_t> integer() const;

 private:
    // The position after the value that begins at `at`.
    std::size_t value_end(std::size_t at) const;

    std::string_view text_;
    const JsonOutline* outline_;
};

struct JsonMember {
    std::string name;
    std::string_view quoted_name;  // As it stands in the text, with its quotes.
    JsonView value;
};

// The value of the last member of that name, as most readers take it; null if there is none.
const JsonView* find(const std::vector<JsonMember>& members, std::string_view name);

// Appends the next piece of a text. If the text ends with the high half of a surrogate pair and the
// piece begins with the low half, the two become one character.
void join_text(std::string& text, std::string_view piece);

// Replaces the halves of surrogate pairs that have remained single by U+FFFD.
void replace_halves(std::string& text);

// Appends the text as a JSON string; bytes that are not UTF-8 become U+FFFD.
void quote(std::string& json, std::string_view text);

}  // namespace millrace::json_text
