// Whether an error's words say that the model behind the one that answers is not there. Pure.
//
// Servers repeat in their errors what was asked for, and what the model said. So only the beginning
// of a message counts, which is the server's own, and the code.
#pragma once

#include <string_view>

namespace millrace::worker {

// `code` as an Outcome has it.
bool is_about_an_outage(std::string_view code, std::string_view message);

}  // namespace millrace::worker
