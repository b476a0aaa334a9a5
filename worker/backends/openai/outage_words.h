// Whether the text of an error says that the model server behind a proxy is unreachable. Pure.
//
// Servers repeat in their errors the request and the model's output. Therefore only the code and
// the beginning of a message count, which are the server's own.
#pragma once

#include <string_view>

namespace millrace::backends::openai {

// `code` in the form that an Outcome has.
bool is_about_an_outage(std::string_view code, std::string_view message);

}  // namespace millrace::backends::openai
