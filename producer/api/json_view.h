// A look into JSON text that check_json has accepted. Nothing is copied or built: a value is a
// piece of the text, so a client's input is passed on exactly as it came.
//
// Threads: values. Owns nothing: the text must outlive the view.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::api {

enum class JsonKind { kNull, kBoolean, kNumber, kString, kArray, kObject };

// "an object", "a string": for messages.
std::string_view phrase(JsonKind kind);

struct JsonMember;

class JsonView {
 public:
    // Requires: check_json accepts the text.
    explicit JsonView(std::string_view text);

    JsonKind kind() const;
    std::string_view text() const { return text_; }  // Without spaces around it.

    // Requires of each: the kind in its name.
    std::vector<JsonMember> members() const;
    std::vector<JsonView> items() const;
    std::string string() const;
    // Nothing where it has a fraction or an exponent, or does not fit.
    std::optional<std::int64_t> integer() const;

 private:
    std::string_view text_;
};

struct JsonMember {
    std::string name;
    JsonView value;
};

}  // namespace millrace::api
