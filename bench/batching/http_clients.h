// Clients of any server that answers a call with its result: a gateway asked with `Prefer: wait`,
// or another program that batches. Errors: std::runtime_error if a call is not answered with 200.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace millrace::bench {

// Runs clients that each send a request, wait for its answer, and send the next; client i sends
// requests[i % size]. Returns the answers a second, without the first quarter of the time.
double http_closed_loop(int port, std::size_t clients, const std::vector<std::string>& requests,
                        std::chrono::milliseconds duration);

// Makes one call after the other, with a pause before each. Returns their median time in
// milliseconds.
double http_lone_ms(int port, const std::string& request, int calls,
                    std::chrono::milliseconds pause);

}  // namespace millrace::bench
