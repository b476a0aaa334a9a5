// Drives many HttpCalls from one thread, over connections that are kept for the next one.
//
// Threads:   one, but for wakeup(), which any thread may call.
// Blocks:    wait(), as long as told.
#pragma once

#include "worker/backends/http/http_call.h"

namespace millrace::worker {

class HttpMulti {
 public:
    // Keeps at most so many idle connections.
    explicit HttpMulti(std::size_t connections_max);

    // The call stays the caller's and must live until it is done or stopped.
    void start(HttpCall& call);
    // Closes its connection; it will not be done. Requires: started, and not done yet.
    void stop(HttpCall& call);

    // Sends and receives what can be without waiting, and ends the calls that are done.
    void step();
    // Until there is something to do for step(), or wakeup().
    void wait(milliseconds timeout);
    void wakeup();

 private:
    const CurlMulti multi_;
};

}  // namespace millrace::worker
