// Translates the exceptions of libpqxx for the caller of a store. Internal to this folder.
#pragma once

#include "common/base/error.h"

namespace millrace::storage::postgres {

// Whether a statement whose answer was lost may have changed something: a read has not, a write may
// have.
enum class Effect { kRead, kWrite };

struct Failure {
    Error error;
    bool connection_is_broken = false;    // Discard it.
    bool goes_away_by_repeating = false;  // E.g. a deadlock: nothing was changed.
};

// Describes the exception that is being handled. Requires: called from a catch block.
Failure current_failure(Effect effect);

}  // namespace millrace::storage::postgres
