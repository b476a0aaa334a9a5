#include "common/json/json_writer.h"

#include <fmt/format.h>

#include <cmath>

#include "common/json/json_view.h"

namespace millrace::json_text {
void JsonWriter::name(std::string_view name) {
    separate();
    json_text::quote(text_, name);
    text_ += ':';
    needs_comma_ = false;
}

void JsonWriter::value(std::string_view text) {
    separate();
    json_text::quote(text_, text);
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

}  // namespace millrace::json_text
