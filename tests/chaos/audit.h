// Writes down what exists at the end, from the API's list of all jobs.
#pragma once

#include "tests/chaos/history.h"
#include "tests/e2e/stack.h"

namespace millrace::chaos {

// The job of an answer, as a client understands it.
View view_of(const test::Json& job);

// Jobs that a fault submitted for itself (metadata "fault") are left out.
void write_list(test::Stack& stack, HistoryWriter& history);

}  // namespace millrace::chaos
