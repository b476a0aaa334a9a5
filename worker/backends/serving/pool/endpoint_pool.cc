#include "worker/backends/serving/pool/endpoint_pool.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace millrace::backends::serving::pool {
namespace {

// The factor of consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016).
constexpr double kShareMax = 1.25;
// A cached prefix does not compensate for an endpoint that is slower than another by more than
// this.
constexpr double kSlownessMax = 2;
// For an answer of fewer tokens, the time is mostly that of the connection and the prompt.
constexpr std::int64_t kTokensMin = 16;
// Fewer odd answers in a row may come from a few bad jobs.
constexpr std::size_t kOddAnswersMin = 5;
// How long an endpoint that refuses a single call gets no calls.
constexpr milliseconds kRest{1000};
constexpr milliseconds kRestMax{60'000};

// SplitMix64's finalizer: every bit of the input affects every bit of the output.
std::uint64_t mixed(std::uint64_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
}

// Rendezvous hashing: adding or removing an endpoint moves only that endpoint's prefixes.
EndpointIndex preferred_for(std::uint64_t prefix, std::span<const EndpointIndex> peers) {
    return *std::max_element(peers.begin(), peers.end(), [prefix](auto a, auto b) {
        return mixed(prefix ^ mixed(a + 1)) < mixed(prefix ^ mixed(b + 1));
    });
}

bool contains(std::span<const EndpointIndex> endpoints, EndpointIndex endpoint) {
    return std::find(endpoints.begin(), endpoints.end(), endpoint) != endpoints.end();
}

double slowness(milliseconds elapsed, std::int64_t tokens) {
    return static_cast<double>(elapsed.count()) / static_cast<double>(std::max(tokens, kTokensMin));
}

}  // namespace

std::string_view name(CallResult result) {
    switch (result) {
        case CallResult::kServed:
            return "served";
        case CallResult::kAnswered:
            return "answered";
        case CallResult::kRefused:
            return "refused";
        case CallResult::kUnreachable:
            return "unreachable";
        case CallResult::kFailed:
            return "failed";
        case CallResult::kDead:
            return "dead";
        case CallResult::kOdd:
            return "odd";
        case CallResult::kAborted:
            return "aborted";
    }
    CHECK(false);
}

EndpointPool::EndpointPool(const std::vector<EndpointCapacity>& endpoints, Random& random,
                           const BreakerOptions& breaker)
    : random_(random) {
    CHECK(!endpoints.empty());
    for (const auto& endpoint : endpoints) endpoints_.emplace_back(endpoint, breaker);
}

// --- Choice -------------------------------------------------------------------------------------

std::optional<EndpointIndex> EndpointPool::choose(const CallPlan& plan,
                                                  std::span<const EndpointIndex> candidates,
                                                  MonoTime now) {
    std::map<int, std::vector<EndpointIndex>> by_order;
    for (const auto index : candidates) {
        by_order[endpoints_[index].capacity.order].push_back(index);
    }
    // Doubted endpoints are used only if there is no other.
    for (const bool with_doubted : {false, true}) {
        for (const auto& [_, peers] : by_order) {
            std::vector<EndpointIndex> ready;
            bool is_available = false;
            for (const auto index : peers) {
                const auto& endpoint = endpoints_[index];
                if (available_in(endpoint, now) > milliseconds(0)) continue;
                if (!with_doubted && !endpoint.doubt.admits(now)) continue;
                is_available = true;
                if (has_room(endpoint, plan.tokens)) ready.push_back(index);
            }
            if (!ready.empty()) return choose_in_order(plan, peers, ready, now);
            if (is_available) return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<EndpointIndex> EndpointPool::choose_in_order(const CallPlan& plan,
                                                           std::span<const EndpointIndex> peers,
                                                           std::span<const EndpointIndex> ready,
                                                           MonoTime now) {
    double known = 0;
    int known_count = 0;
    for (const auto index : ready) {
        const auto& endpoint = endpoints_[index];
        if (endpoint.breaker.state(now) == BreakerState::kHalfOpen) return index;
        const bool is_due = endpoint.doubt.state(now) == BreakerState::kHalfOpen;
        if (is_due && endpoint.doubt.admits(now)) return index;
        if (const auto slow = ms_per_token(endpoints_[index], now)) {
            known += *slow;
            ++known_count;
        }
    }
    if (ready.size() == 1) return ready.front();
    if (plan.prefix) {
        const auto preferred = preferred_for(*plan.prefix, peers);
        if (contains(ready, preferred) && is_bearable(preferred, ready, now)) return preferred;
    }
    const auto first = random_.below(ready.size());
    auto second = random_.below(ready.size() - 1);
    if (second >= first) ++second;
    // An endpoint without history counts as average.
    const auto unknown = known_count > 0 ? known / known_count : 1;
    const bool first_is_sooner = score(ready[first], plan.tokens, unknown, now) <=
                                 score(ready[second], plan.tokens, unknown, now);
    return ready[first_is_sooner ? first : second];
}

bool EndpointPool::is_bearable(EndpointIndex preferred, std::span<const EndpointIndex> ready,
                               MonoTime now) const {
    const auto slow = ms_per_token(endpoints_[preferred], now);
    std::size_t calls = 1;
    for (const auto index : ready) {
        calls += endpoints_[index].calls.size();
        const auto other = ms_per_token(endpoints_[index], now);
        if (slow && other && *slow > kSlownessMax * *other) return false;
    }
    const auto share = static_cast<double>(calls) / static_cast<double>(ready.size());
    const auto own = static_cast<double>(endpoints_[preferred].calls.size() + 1);
    return own <= std::ceil(kShareMax * share);
}

double EndpointPool::score(EndpointIndex index, std::int64_t tokens, double unknown,
                           MonoTime now) const {
    const auto& endpoint = endpoints_[index];
    return ms_per_token(endpoint, now).value_or(unknown) *
           static_cast<double>(endpoint.tokens + tokens);
}

std::optional<double> EndpointPool::ms_per_token(const Endpoint& endpoint, MonoTime now) {
    if (endpoint.calls.empty()) return endpoint.latency.faded(now);
    const auto& oldest = endpoint.calls.begin()->second;
    const auto so_far =
        slowness(std::chrono::duration_cast<milliseconds>(now - oldest.started), oldest.tokens);
    const auto seen = endpoint.latency.value();
    return seen ? std::max(*seen, so_far) : seen;
}

bool EndpointPool::has_room(const Endpoint& endpoint, std::int64_t tokens) {
    if (endpoint.calls.size() >= endpoint.limit.value()) return false;
    const auto most = endpoint.capacity.tokens;
    return most == 0 || endpoint.calls.empty() || endpoint.tokens + tokens <= most;
}

milliseconds EndpointPool::available_in(const Endpoint& endpoint, MonoTime now) {
    // While a probe is under way, waits for its end about as long as for a rest.
    if (endpoint.breaker.state(now) == BreakerState::kHalfOpen && !endpoint.breaker.admits(now)) {
        return kRest;
    }
    const auto rest = std::max(endpoint.rests_until, now) - now;
    return std::max(endpoint.breaker.open_for(now), std::chrono::ceil<milliseconds>(rest));
}

milliseconds EndpointPool::available_in(std::span<const EndpointIndex> candidates,
                                        MonoTime now) const {
    if (candidates.empty()) return milliseconds(0);
    auto least = milliseconds::max();
    for (const auto index : candidates) {
        least = std::min(least, available_in(endpoints_[index], now));
    }
    return least;
}

// --- Calls --------------------------------------------------------------------------------------

EndpointPool::CallId EndpointPool::begin(EndpointIndex index, const CallPlan& plan, MonoTime now) {
    auto& endpoint = endpoints_[index];
    const auto id = next_call_++;
    endpoint.calls.emplace(
        id, Call{.endpoint = index,
                 .tokens = plan.tokens,
                 .started = now,
                 .is_probe = endpoint.breaker.begin(now),
                 .is_probe_of_doubt = endpoint.doubt.admits(now) && endpoint.doubt.begin(now)});
    endpoint.tokens += plan.tokens;
    calls_.emplace(id, index);
    return id;
}

void EndpointPool::grow(CallId id, std::int64_t tokens) {
    auto& endpoint = endpoints_[calls_.at(id)];
    auto& call = endpoint.calls.at(id);
    if (tokens <= call.tokens) return;
    endpoint.tokens += tokens - call.tokens;
    call.tokens = tokens;
}

void EndpointPool::answer(CallId id, MonoTime now) {
    auto& endpoint = endpoints_[calls_.at(id)];
    auto& call = endpoint.calls.at(id);
    if (!call.is_probe) return;
    endpoint.breaker.end(true, call.started, Breaker::Verdict::kSuccess, now, random_);
    call.is_probe = false;
}

void EndpointPool::resize(EndpointIndex index, std::size_t slots) {
    auto& endpoint = endpoints_[index];
    if (endpoint.capacity.slots == slots) return;
    endpoint.capacity.slots = slots;
    endpoint.limit = ConcurrencyLimit(slots);
}

void EndpointPool::queued(EndpointIndex index, std::size_t waiting, MonoTime asked, MonoTime now) {
    auto& endpoint = endpoints_[index];
    endpoint.limit.on_queue(waiting, endpoint.calls.size(), asked, now);
}

void EndpointPool::end(CallId id, const CallEnd& how, MonoTime now) {
    auto& endpoint = endpoints_[calls_.at(id)];
    const auto in_flight = endpoint.calls.size();
    const auto call = endpoint.calls.at(id);
    endpoint.tokens -= call.tokens;
    endpoint.calls.erase(id);
    calls_.erase(id);

    if (how.result == CallResult::kServed) {
        const auto elapsed = std::chrono::duration_cast<milliseconds>(now - call.started);
        endpoint.latency.observe(slowness(elapsed, how.tokens.value_or(call.tokens)), now);
        endpoint.limit.on_success(in_flight);
    }
    const bool is_refused = how.result == CallResult::kRefused;
    if (is_refused || how.result == CallResult::kUnreachable) {
        endpoint.limit.on_refusal(call.started, now);
    }
    if (is_refused) rest(endpoint, how.retry_after, now);

    if (!is_refused || call.is_probe) {
        endpoint.breaker.end(call.is_probe, call.started, verdict(how.result), now, random_);
    }
    endpoint.doubt.end(call.is_probe_of_doubt, call.started, verdict_of_doubt(how.result), now,
                       random_);
    if (how.result == CallResult::kServed) endpoint.odd_answers = 0;
    if (how.result == CallResult::kOdd) ++endpoint.odd_answers;
}

void EndpointPool::rest(Endpoint& endpoint, std::optional<milliseconds> asked, MonoTime now) {
    // If calls are under way, their ends show when there is room again.
    const bool is_idle = endpoint.calls.empty();
    const auto time = asked.value_or(is_idle ? kRest : milliseconds(0));
    endpoint.rests_until = std::max(endpoint.rests_until, now + std::min(time, kRestMax));
}

Breaker::Verdict EndpointPool::verdict(CallResult result) {
    switch (result) {
        case CallResult::kServed:
        case CallResult::kAnswered:
        case CallResult::kRefused:
        case CallResult::kOdd:
            return Breaker::Verdict::kSuccess;
        case CallResult::kUnreachable:
        case CallResult::kFailed:
            return Breaker::Verdict::kFailure;
        case CallResult::kDead:
            return Breaker::Verdict::kDead;
        case CallResult::kAborted:
            return Breaker::Verdict::kNone;
    }
    CHECK(false);
}

Breaker::Verdict EndpointPool::verdict_of_doubt(CallResult result) {
    if (result == CallResult::kServed) return Breaker::Verdict::kSuccess;
    return result == CallResult::kOdd ? Breaker::Verdict::kFailure : Breaker::Verdict::kNone;
}

EndpointPool::View EndpointPool::view(EndpointIndex index, MonoTime now) const {
    const auto& endpoint = endpoints_[index];
    return {.breaker = endpoint.breaker.state(now),
            .open_for = endpoint.breaker.open_for(now),
            .limit = endpoint.limit.value(),
            .in_flight = endpoint.calls.size(),
            .tokens = endpoint.tokens,
            .is_odd = endpoint.odd_answers >= kOddAnswersMin};
}

}  // namespace millrace::backends::serving::pool
