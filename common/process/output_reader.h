// Reads a child's output and delivers it line by line. Internal to the module.
//
// Threads: one caller; the handler runs on the reader's own thread.
// Blocks:  finish(), until everything written before it has been delivered.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/process/fd.h"
#include "common/runtime/thread.h"

namespace millrace::process {

class OutputReader {
 public:
    using LineHandler = std::function<void(std::string_view line)>;

    // `source` is the read end of the child's output, `wake` an event descriptor.
    OutputReader(Fd source, Fd wake, LineHandler on_line);
    ~OutputReader();

    // Delivers what is in the pipe and stops; idempotent. Call it after the child has ended: a
    // process that inherited the pipe from the child may keep it open forever.
    void finish();

 private:
    void run();
    bool read_some();  // False when nothing is left to read.
    void deliver_lines();

    const Fd source_;
    const Fd wake_;
    const LineHandler on_line_;
    std::string pending_;  // The beginning of a line; only the reader's thread uses it.
    runtime::Thread thread_;
};

}  // namespace millrace::process
