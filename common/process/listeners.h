// Who listens on a TCP port of this machine, as far as /proc tells.
//
// Threads: thread-safe. Blocks: for a look at each process.
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

// Those with a socket that listens on the port, at whatever address. Sockets of other users'
// processes are seen by root alone, so that the answer may be empty although the port is taken.
std::vector<Listener> listeners(int port);

}  // namespace millrace::process
