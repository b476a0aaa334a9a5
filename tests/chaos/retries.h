// Judges the retries by hand in a history. Pure.
//
// A job has at most one retry, and only if it ended badly and a retry was requested. Both name each
// other, and every answer to such a request names that retry.
#pragma once

#include <vector>

#include "tests/chaos/checker.h"

namespace millrace::chaos {

std::vector<Finding> check_retries(const History& history);

}  // namespace millrace::chaos
