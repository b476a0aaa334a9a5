// The statements of sql/, one per file. A file's name without its extension is the name under which
// the statement is prepared, timed and counted. Text that several statements share is in sql/parts:
// a part's name in braces stands for its text.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "common/storage/postgres/embedded_text.h"

namespace millrace::storage::postgres {

// As embedded; the names end in ".sql".
std::span<const EmbeddedText> statement_files();
std::span<const EmbeddedText> statement_parts();

// Maps names to texts, with the parts filled in.
const std::map<std::string_view, std::string>& statements();

}  // namespace millrace::storage::postgres
