// Records what exists at the end, from the API's list of all jobs.
#pragma once

#include "tests/chaos/history.h"
#include "tests/e2e/stack.h"

namespace millrace::chaos {

// The job in an answer, as a client reads it.
View view_of(const test::Json& job);

// Leaves out jobs that a fault submitted for itself (metadata "fault").
void write_list(test::Stack& stack, HistoryWriter& history);

}  // namespace millrace::chaos
