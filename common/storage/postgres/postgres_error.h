// What an exception of libpqxx means for the caller of a store. Internal to this folder.
#pragma once

#include "common/base/error.h"

namespace millrace::storage {

// What is known when the answer to a call is lost: a read changed nothing, a write may have.
enum class Effect { kRead, kWrite };

struct Failure {
    Error error;
    bool connection_is_broken = false;    // Throw it away.
    bool goes_away_by_repeating = false;  // A deadlock: nothing was changed, do it again.
};

// Of the exception that is being handled. Requires: called from a catch block.
Failure current_failure(Effect effect);

}  // namespace millrace::storage
