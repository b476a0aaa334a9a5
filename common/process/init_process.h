// The duties of process 1, which the first program of a container takes on: reaps every process
// that has lost its parent, and forwards signals.
//
// Threads: call before any thread exists.
#pragma once

#include <functional>

namespace millrace::process {

// Runs the body in a child and waits for it; returns its exit code, or 128 plus the number of the
// signal that ended it. Signals from other processes are forwarded to the child; those of the
// terminal reach it anyway. If there can be no child, runs the body in this process.
int run_as_init(const std::function<int()>& body);

// Opens /dev/null on each standard descriptor that is closed, so that no file opened later is
// mistaken for one of them. Writing to a standard output that was closed still fails.
void open_standard_descriptors();

}  // namespace millrace::process
