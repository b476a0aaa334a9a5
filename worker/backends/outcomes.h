// Short forms of the outcomes that every backend reports.
#pragma once

#include <string>
#include <utility>

#include "common/job/outcome.h"

namespace millrace::backends {

inline Outcome failed_outcome(OutcomeKind kind, std::string code, std::string message) {
    return {.kind = kind, .error_code = std::move(code), .error_message = std::move(message)};
}

// The job's input is wrong; `message` says what to change.
inline Outcome invalid_input(std::string message) {
    return failed_outcome(OutcomeKind::kPermanent, "invalid_input", std::move(message));
}

// The input is valid, but this backend does not support what it asks for.
inline Outcome unsupported_operation(std::string message) {
    return failed_outcome(OutcomeKind::kPermanent, "unsupported_operation", std::move(message));
}

inline Outcome output_too_large(std::size_t bytes_max) {
    return failed_outcome(OutcomeKind::kPermanent, "output_too_large",
                          "the output is larger than " + std::to_string(bytes_max) +
                              " bytes; ask for less (max_tokens)");
}

}  // namespace millrace::backends
