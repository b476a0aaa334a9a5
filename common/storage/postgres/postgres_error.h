// Translates the exceptions of libpqxx for the caller of a store. Internal to this folder.
#pragma once

#include "common/base/error.h"

namespace millrace::storage::postgres {

// What a lost answer leaves open: a read changed nothing, a write may have.
enum class Effect { kRead, kWrite };

struct Failure {
    Error error;
    bool connection_is_broken = false;    // Discard it.
    bool goes_away_by_repeating = false;  // E.g. a deadlock: nothing was changed.
};

// Describes the exception that is being handled. Requires: called from a catch block.
Failure current_failure(Effect effect);

}  // namespace millrace::storage::postgres
