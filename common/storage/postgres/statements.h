// The statements of sql/, one file each; a file's name without its ending is the name it is
// prepared, timed and counted under.
#pragma once

#include <map>
#include <span>
#include <string_view>

#include "common/base/embedded_text.h"

namespace millrace::storage {

// As embedded; names end in ".sql".
std::span<const EmbeddedText> statement_files();

// Name → text.
const std::map<std::string_view, std::string_view>& statements();

}  // namespace millrace::storage
