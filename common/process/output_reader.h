// Reads what a child writes and hands it on line by line. Internal to the module.
//
// Threads: one caller; the handler runs on the reader's own thread.
// Blocks:  finish() until what was written before it has been delivered.
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

    // `source` is the reading end of the child's output, `wake` an event descriptor.
    OutputReader(Fd source, Fd wake, LineHandler on_line);
    ~OutputReader();

    // Delivers what is in the pipe and stops; idempotent. For after the child has ended: somebody
    // who inherited the pipe from it may keep it open for ever.
    void finish();

 private:
    void run();
    bool read_some();  // False when nothing is left to read.
    void deliver_lines();

    const Fd source_;
    const Fd wake_;
    const LineHandler on_line_;
    std::string pending_;  // The beginning of a line; only the reader's thread.
    runtime::Thread thread_;
};

}  // namespace millrace::process
