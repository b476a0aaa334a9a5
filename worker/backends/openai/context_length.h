// Recognises the errors that mean that a prompt is too long for the model. Every server words them
// differently. Pure.
#pragma once

#include <string_view>

namespace millrace::backends::openai {

// Whether a refusal with this code or message is about the model's context length. This includes a
// prompt that fits but leaves too little room for the requested output: the remedy is the same. A
// limit of the output alone ("supports at most 16384 completion tokens") does not count.
bool is_about_context(std::string_view code, std::string_view message);

}  // namespace millrace::backends::openai
