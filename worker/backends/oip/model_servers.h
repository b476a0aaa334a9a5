// The servers as one model sees them: an EndpointPool for each model. If a model has died on a
// server, its jobs are kept away from that server, whose other models continue.
//
// Only results show health: a server whose model has died goes on reporting that it is ready. A
// request carries many jobs, so the pool's breaker opens sooner here: after three failures in a
// row within a day.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "worker/backends/oip/server_error.h"
#include "worker/backends/serving/pool/endpoint_pool.h"

namespace millrace::backends::oip {

using serving::pool::CallEnd;
using serving::pool::EndpointIndex;
using serving::pool::EndpointPool;

class ModelServers {
 public:
    using Servers = std::vector<EndpointIndex>;
    struct Call {
        EndpointIndex server = 0;
        EndpointPool::CallId id = 0;
        // It tests whether the model works again; one job is enough for that.
        bool is_probe = false;
    };

    // At most `slots` requests at a time go to each server. Borrows everything but the name.
    ModelServers(std::string model, const std::vector<std::string>& base_urls, std::size_t slots,
                 Random& random);

    // Begins a request of `jobs` jobs on a server that is not among `tried`; nothing if none takes
    // one now. After it, end() must follow once.
    std::optional<Call> begin(std::size_t jobs, const Servers& tried, MonoTime now);
    // Whether a server that is not among `tried` only lacks room, and takes a request once another
    // has ended. Requires: begin() returned nothing at this time.
    bool are_full(const Servers& tried, MonoTime now) const;
    // Logs if the model has failed on the server, or works again.
    void end(const Call& call, CallResult result, MonoTime now);
    void end(const Call& call, const ServerError& error, MonoTime now);

    const std::string& base_url(const Call& call) const { return base_urls_[call.server]; }
    // Time until a server may take a request; zero if one may, or only lacks room.
    milliseconds wait(MonoTime now) const { return pool_.available_in(all_, now); }
    // The outcome of a job that finds no server: none works (its message ends with the last reason,
    // and that server's URL), or none has room. It rests for a second at least.
    Outcome unavailable(MonoTime now) const;
    Outcome busy() const;

 private:
    Servers without(const Servers& tried) const;
    void end(const Call& call, const CallEnd& how, const std::string& reason, MonoTime now);

    const std::string model_;
    const std::vector<std::string>& base_urls_;
    EndpointPool pool_;
    Servers all_;
    std::string last_error_;  // The last reason why a server took no more requests.
};

}  // namespace millrace::backends::oip
