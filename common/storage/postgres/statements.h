// The statements of sql/, one file each; a file's name without its ending is the name it is
// prepared, timed and counted under. What several of them say alike stands once, in sql/parts: a
// part's name in braces stands for its text.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "common/base/embedded_text.h"

namespace millrace::storage {

// As embedded; names end in ".sql".
std::span<const EmbeddedText> statement_files();
std::span<const EmbeddedText> statement_parts();

// Name → text, with the text of its parts.
const std::map<std::string_view, std::string>& statements();

}  // namespace millrace::storage
