// The duties of process 1, as a container's first program has them: it reaps every process that has
// lost its parent, and passes signals on.
//
// Threads: called before any thread exists.
#pragma once

#include <functional>

namespace millrace::process {

// Runs the body in a child and waits for it; returns its exit code, or 128 and the number of the
// signal that ended it. Signals that a process sends reach the child too; those of the terminal do
// by themselves.
int run_as_init(const std::function<int()>& body);

// Standard descriptors that are closed become /dev/null, so that no file that is opened later is
// taken for one of them.
void open_standard_descriptors();

}  // namespace millrace::process
