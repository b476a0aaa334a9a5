// Several endpoints of the same kind: which of them takes the next call, and what its end says
// about the endpoint.
//
// A call goes to the lowest order in which an endpoint is available (its breaker lets calls
// through, and it has not asked to be left alone); where those are merely full, it waits. Among
// those with room:
//   1. one that has to be probed, with this one call: after an outage, or after odd answers;
//   2. the one that the beginning of the prompt points to, whose cache has it, unless that one has
//      more than 1.25 times its share of the calls, or is twice as slow as another;
//   3. of two at random, the one where the tokens under way end sooner: milliseconds per token ×
//      tokens. Calls under way count as soon as they are slower than all that was seen before.
//
// Odd answers (an error of 500, garbage, half a stream) may be the fault of what was asked for.
// They never take an endpoint from those that have no other: where half of the last calls came to
// such, the endpoint is doubted, which means that peers which are not go first, and nothing else.
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
#include "worker/backends/endpoints/breaker.h"
#include "worker/backends/endpoints/concurrency_limit.h"
#include "worker/backends/endpoints/latency_estimate.h"

namespace millrace::worker {

using EndpointIndex = std::size_t;

struct EndpointCapacity {
    int order = 1;          // Endpoints of a higher one stand in while all of a lower one are out.
    std::size_t slots = 8;  // Calls at a time at most. >= 1.
    std::int64_t tokens = 0;  // Tokens under way at most; 0: no bound. One call always fits.
};

enum class CallResult {
    kServed,       // It did what was asked for.
    kAnswered,     // It refused the input: it is well, but the time says nothing.
    kRefused,      // No capacity: 429, 503 and the like.
    kUnreachable,  // No connection came about.
    kFailed,       // An outage: nothing behind it answers; silence; our key is refused.
    kOdd,          // An error, garbage, half an answer: its fault, or that of the input.
    kAborted,      // Given up on our side.
};

std::string_view name(CallResult result);

struct CallPlan {
    std::int64_t tokens = 1;              // Estimate of prompt and output together. >= 1.
    std::optional<std::uint64_t> prefix;  // Hash of the prompt's beginning; absent: no preference.
};

// A call's end. Absent values are not known.
struct CallEnd {
    CallResult result = CallResult::kAborted;
    std::optional<std::int64_t> tokens = {};       // kServed: as the server counted.
    std::optional<milliseconds> retry_after = {};  // kRefused: for how long to leave it alone.
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
        // Of late it gave odd answers and served nobody.
        bool is_odd = false;
    };

    // Borrows `random`.
    EndpointPool(const std::vector<EndpointCapacity>& endpoints, Random& random);

    // Where the call goes now; nothing when none of the candidates can take it.
    std::optional<EndpointIndex> choose(const CallPlan& plan,
                                        std::span<const EndpointIndex> candidates, MonoTime now);
    // How long until one of the candidates is available; zero when one is and the call waits for
    // room, or when there are none.
    milliseconds available_in(std::span<const EndpointIndex> candidates, MonoTime now) const;

    // Requires: choose() said so at this time.
    CallId begin(EndpointIndex endpoint, const CallPlan& plan, MonoTime now);
    // The call has come to this many tokens so far, with its prompt.
    void grow(CallId call, std::int64_t tokens);
    // The first output has come: a probe has succeeded without waiting for its end.
    void answer(CallId call, MonoTime now);
    // What it takes at a time has become known, or another number.
    void resize(EndpointIndex endpoint, std::size_t slots);
    // The endpoint said, to a question of `asked`, how many calls wait inside it for a place.
    void queued(EndpointIndex endpoint, std::size_t waiting, MonoTime asked, MonoTime now);
    // Once for each call.
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
        explicit Endpoint(const EndpointCapacity& given) : capacity(given), limit(given.slots) {}

        EndpointCapacity capacity;
        ConcurrencyLimit limit;
        Breaker breaker = Breaker();
        Breaker doubt = Breaker();    // Of odd answers: keeps nobody away.
        std::size_t odd_answers = 0;  // Since it served somebody.
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

}  // namespace millrace::worker
