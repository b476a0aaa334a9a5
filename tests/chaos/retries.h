// Judges the retries by hand of a history. Pure.
//
// A job has at most one retry, only if it ended badly and somebody asked for it, and both name each
// other; whoever asks is told of that one.
#pragma once

#include <vector>

#include "tests/chaos/checker.h"

namespace millrace::chaos {

std::vector<Finding> check_retries(const History& history);

}  // namespace millrace::chaos
