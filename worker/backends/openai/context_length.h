// How servers say that a prompt is too long for the model: each has words of its own. Pure.
#pragma once

#include <string_view>

namespace millrace::worker {

// Whether a refusal with this code, or these words, is about the model's context length. Also
// where the prompt fits and the output that is asked for does not fit behind it: what helps is the
// same. A limit of the output alone ("supports at most 16384 completion tokens") is none.
bool is_about_context(std::string_view code, std::string_view message);

}  // namespace millrace::worker
