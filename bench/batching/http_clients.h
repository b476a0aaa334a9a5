// Clients of any server that answers a call with its result: a gateway asked with `Prefer: wait`,
// or another program that batches.
//
// Errors: std::runtime_error when a call does not answer 200.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace millrace::bench {

// Clients who each send a request, wait for its answer, and send the next; client i sends
// requests[i % size]. Answers a second over the time, after a first quarter that does not count.
double http_closed_loop(int port, std::size_t clients, const std::vector<std::string>& requests,
                        std::chrono::milliseconds duration);

// One call after the other, with a pause before each: their median time in milliseconds.
double http_lone_ms(int port, const std::string& request, int calls,
                    std::chrono::milliseconds pause);

}  // namespace millrace::bench
