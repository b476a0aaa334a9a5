// Several endpoints of the same kind: chooses the one that takes the next call, and learns about it
// from the call's end.
//
// A call goes to the lowest order in which an endpoint is available: its breaker admits calls, and
// it has not asked for a rest. If the available endpoints there are all full, the call waits. Among
// those with room, it goes to:
//   1. one that must be probed, with this single call: after an outage, or after odd answers;
//   2. the one chosen by the beginning of the prompt, which it has in its cache, unless that one
//      has more than 1.25 times its share of the calls, or is more than twice as slow as another;
//   3. of two at random, the one where the tokens under way end sooner: milliseconds per token ×
//      tokens. The oldest call under way counts as soon as it is slower than the estimate.
//
// Odd answers (an error 500, garbage, half a stream) may be the fault of the request. They never
// take an endpoint from calls that have no other. If half of the last calls got odd answers, the
// endpoint is doubted: peers that are not doubted go first, and nothing else changes.
//
// Pure arithmetic on the times it is given.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "worker/backends/serving/pool/breaker.h"
#include "worker/backends/serving/pool/concurrency_limit.h"
#include "worker/backends/serving/pool/latency_estimate.h"

namespace millrace::backends::serving::pool {

using EndpointIndex = std::size_t;

struct EndpointCapacity {
    int order = 1;            // A higher order is used only while all of a lower one are out.
    std::size_t slots = 8;    // Maximum number of calls at a time. >= 1.
    std::int64_t tokens = 0;  // Tokens under way at most; 0: no limit. One call always fits.
};

enum class CallResult {
    kServed,       // It did what was requested.
    kAnswered,     // It refused the input: it works, but the time says nothing.
    kRefused,      // No capacity: 429, 503 and the like.
    kUnreachable,  // The connection failed.
    kFailed,       // An outage: nothing behind it answers; silence; the API key is refused.
    kDead,         // The same beyond doubt: only a restart or a reload of its model helps.
    kOdd,          // An error, garbage, half an answer: its own fault, or that of the input.
    kAborted,      // The worker gave up the call.
};

std::string_view name(CallResult result);

struct CallPlan {
    std::int64_t tokens = 1;              // Estimate of prompt and output together. >= 1.
    std::optional<std::uint64_t> prefix;  // Hash of the prompt's beginning; absent: no preference.
};

// The end of a call. Absent values are unknown.
struct CallEnd {
    CallResult result = CallResult::kAborted;
    std::optional<std::int64_t> tokens = {};       // kServed: the server's count.
    std::optional<milliseconds> retry_after = {};  // kRefused: how long to send it nothing.
};

class EndpointPool {
 public:
    using CallId = std::uint64_t;

    // The state of one endpoint, for metrics and logs.
    struct View {
        BreakerState breaker = BreakerState::kClosed;
        milliseconds open_for{0};
        std::size_t limit = 0;
        std::size_t in_flight = 0;
        std::int64_t tokens = 0;  // Under way.
        // It recently gave odd answers, and has served no call since.
        bool is_odd = false;
    };

    // Borrows `random`.
    EndpointPool(const std::vector<EndpointCapacity>& endpoints, Random& random,
                 const BreakerOptions& breaker = {});

    // The endpoint for the call now; nothing if no candidate can take it.
    std::optional<EndpointIndex> choose(const CallPlan& plan,
                                        std::span<const EndpointIndex> candidates, MonoTime now);
    // Time until one of the candidates is available. Zero if one is available and the call waits
    // for room, or if there are no candidates.
    milliseconds available_in(std::span<const EndpointIndex> candidates, MonoTime now) const;

    // Requires: choose() returned this endpoint at this time.
    CallId begin(EndpointIndex endpoint, const CallPlan& plan, MonoTime now);
    // The call now has this many tokens, including its prompt.
    void grow(CallId call, std::int64_t tokens);
    // The first output has arrived. A probe thus succeeds before its end.
    void answer(CallId call, MonoTime now);
    // The number of calls that the endpoint takes at a time has become known, or has changed.
    void resize(EndpointIndex endpoint, std::size_t slots);
    // The endpoint reported, in reply to a probe sent at `asked`, how many calls wait inside it.
    void queued(EndpointIndex endpoint, std::size_t waiting, MonoTime asked, MonoTime now);
    // Call exactly once for each call.
    void end(CallId call, const CallEnd& how, MonoTime now);

    std::size_t size() const { return endpoints_.size(); }
    View view(EndpointIndex endpoint, MonoTime now) const;

 private:
    struct Call {
        EndpointIndex endpoint = 0;
        std::int64_t tokens = 0;
        MonoTime started;
        bool is_probe = false;
        bool is_probe_of_doubt = false;
    };
    struct Endpoint {
        Endpoint(const EndpointCapacity& given, const BreakerOptions& options)
            : capacity(given), limit(given.slots), breaker(options) {}

        EndpointCapacity capacity;
        ConcurrencyLimit limit;
        Breaker breaker;
        Breaker doubt = Breaker();    // Counts odd answers; keeps no call away.
        std::size_t odd_answers = 0;  // Since it last served a call.
        LatencyEstimate latency = LatencyEstimate();
        std::map<CallId, Call> calls = {};  // Oldest first.
        std::int64_t tokens = 0;            // Of all calls.
        MonoTime rests_until = MonoTime::min();
    };

    static milliseconds available_in(const Endpoint& endpoint, MonoTime now);
    static bool has_room(const Endpoint& endpoint, std::int64_t tokens);
    static std::optional<double> ms_per_token(const Endpoint& endpoint, MonoTime now);
    static Breaker::Verdict verdict(CallResult result);
    static Breaker::Verdict verdict_of_doubt(CallResult result);

    std::optional<EndpointIndex> choose_in_order(const CallPlan& plan,
                                                 std::span<const EndpointIndex> peers,
                                                 std::span<const EndpointIndex> ready,
                                                 MonoTime now);
    bool is_bearable(EndpointIndex preferred, std::span<const EndpointIndex> ready,
                     MonoTime now) const;
    double score(EndpointIndex endpoint, std::int64_t tokens, double unknown, MonoTime now) const;
    void rest(Endpoint& endpoint, std::optional<milliseconds> asked, MonoTime now);

    std::vector<Endpoint> endpoints_;
    Random& random_;
    CallId next_call_ = 0;
    std::map<CallId, EndpointIndex> calls_;
};

}  // namespace millrace::backends::serving::pool
