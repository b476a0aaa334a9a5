// Drives many HttpCalls from one thread. Keeps connections for later calls.
//
// Threads:   one, except for wakeup(), which any thread may call.
// Blocks:    wait(), up to its timeout.
#pragma once

#include "worker/backends/serving/http_call.h"

namespace millrace::backends::serving {

class HttpMulti {
 public:
    // Keeps at most `connections_max` idle connections.
    explicit HttpMulti(std::size_t connections_max);

    // The caller keeps the call, which must live until it is done or stopped.
    void start(HttpCall& call);
    // Closes the call's connection; `on_done` is not called. Requires: started, and not done yet.
    void stop(HttpCall& call);

    // Sends and receives what is possible without waiting, and ends the calls that are done.
    void step();
    // Waits until step() has something to do, or wakeup() is called.
    void wait(milliseconds timeout);
    void wakeup();

 private:
    const CurlMulti multi_;
};

}  // namespace millrace::backends::serving
