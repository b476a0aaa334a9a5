// Writes JSON by appending to a string: commas, quotes and escapes in one place.
//
//   JsonWriter json;
//   json.begin_object();
//   json.member("id", id.str());
//   json.end_object();
//   return std::move(json).text();
//
// Threads: one caller at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::json_text {

class JsonWriter {
 public:
    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }

    // Writes the name of the next value.
    void name(std::string_view name);

    // Writes a string; bytes that are not valid UTF-8 become U+FFFD.
    void value(std::string_view text);
    void value(const char* text) { value(std::string_view(text)); }
    void value(std::same_as<bool> auto flag) { raw(flag ? "true" : "false"); }
    void value(std::integral auto number) requires(!std::same_as<decltype(number), bool>) {
        raw(std::to_string(number));
    }
    // Writes null if the number is not finite.
    void value(double number);
    void null() { raw("null"); }
    // Appends one JSON value unchanged.
    void raw(std::string_view json);

    void member(std::string_view key, const auto& v) {
        name(key);
        value(v);
    }
    void null_member(std::string_view key) {
        name(key);
        null();
    }
    void raw_member(std::string_view key, std::string_view json) {
        name(key);
        raw(json);
    }

    const std::string& text() const& { return text_; }
    std::string text() && { return std::move(text_); }
    void reserve(std::size_t bytes) { text_.reserve(bytes); }

 private:
    void open(char bracket);
    void close(char bracket);
    void separate();

    std::string text_;
    bool needs_comma_ = false;
};

}  // namespace millrace::json_text
