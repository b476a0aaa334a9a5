// A text file that cmake/EmbedTexts.cmake compiled into the program, such as a statement or a
// migration.
#pragma once

#include <span>
#include <string_view>

namespace millrace::storage::postgres {

struct EmbeddedText {
    std::string_view name;  // The file's name, e.g. "job_claim.sql".
    std::string_view text;
};

}  // namespace millrace::storage::postgres
