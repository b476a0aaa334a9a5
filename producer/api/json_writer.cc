#include "producer/api/json_writer.h"

#include <fmt/format.h>

#include <cmath>

#include "producer/api/json_syntax.h"

namespace millrace::api {
namespace {

bool is_plain(char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
           c != '"' && c != '\\';
}

void append_special(std::string& out, std::string_view& rest) {
    constexpr std::string_view kCharacters = "\"\\\b\f\n\r\t";
    constexpr std::string_view kNames = "\"\\bfnrt";
    const char c = rest.front();
    if (const auto named = kCharacters.find(c); named != std::string_view::npos) {
        out += '\\';
        out += kNames[named];
        rest.remove_prefix(1);
    } else if (static_cast<unsigned char>(c) < 0x20) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(c));
        rest.remove_prefix(1);
    } else if (const auto size = utf8_sequence(rest); size > 0) {
        out += rest.substr(0, size);
        rest.remove_prefix(size);
    } else {
        out += "\xEF\xBF\xBD";
        rest.remove_prefix(1);
    }
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && is_plain(text[plain])) ++plain;
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (!text.empty()) append_special(out, text);
    }
    out += '"';
}

}  // namespace

void JsonWriter::name(std::string_view name) {
    separate();
    append_quoted(text_, name);
    text_ += ':';
    needs_comma_ = false;
}

void JsonWriter::value(std::string_view text) {
    separate();
    append_quoted(text_, text);
}

void JsonWriter::value(double number) {
    std::isfinite(number) ? raw(fmt::format("{}", number)) : null();
}

void JsonWriter::raw(std::string_view json) {
    separate();
    text_ += json;
}

void JsonWriter::open(char bracket) {
    separate();
    text_ += bracket;
    needs_comma_ = false;
}

void JsonWriter::close(char bracket) {
    text_ += bracket;
    needs_comma_ = true;
}

void JsonWriter::separate() {
    if (needs_comma_) text_ += ',';
    needs_comma_ = true;
}

}  // namespace millrace::api
