// Finds the processes that listen on a TCP port of this machine, as far as /proc shows them.
//
// Threads: thread-safe. Blocks: while it looks at each process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace millrace::process {

struct Listener {
    pid_t pid;
    std::string command;  // The program's name, "python3".
    pid_t parent;
};

// Processes with a socket that listens on the port, at any address. Only root sees the sockets of
// other users' processes, so the answer may be empty although the port is taken.
std::vector<Listener> listeners(int port);

}  // namespace millrace::process
