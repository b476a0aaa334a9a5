// Base64 (RFC 4648, section 4), padded.
//
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::backends::oip {

std::string to_base64(std::string_view bytes);
// Nothing if to_base64 would not write this text.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace millrace::backends::oip
