#include "worker/backends/oip/model_servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "common/base/log.h"
#include "worker/backends/outcomes.h"

namespace millrace::backends::oip {

using serving::pool::BreakerOptions;
using serving::pool::BreakerState;
using serving::pool::CallPlan;
using serving::pool::EndpointCapacity;

namespace {

constexpr std::size_t kFailuresMax = 3;
constexpr BreakerOptions kBreaker{.window_calls = kFailuresMax,
                                  .window = std::chrono::hours(24),
                                  .calls_min = kFailuresMax,
                                  .failure_share = 1};

// Jobs that found no server do not look for one again sooner.
constexpr milliseconds kRestMin{1'000};

// Whether the server takes no more requests because of such a result.
bool is_against_the_server(CallResult result) {
    return result == CallResult::kRefused || result == CallResult::kFailed ||
           result == CallResult::kDead;
}

}  // namespace

ModelServers::ModelServers(std::string model, const std::vector<std::string>& base_urls,
                           std::size_t slots, Random& random)
    : model_(std::move(model)),
      base_urls_(base_urls),
      pool_(std::vector(base_urls.size(), EndpointCapacity{.slots = slots}), random, kBreaker),
      all_(base_urls.size()) {
    std::iota(all_.begin(), all_.end(), EndpointIndex{0});
}

std::optional<ModelServers::Call> ModelServers::begin(std::size_t jobs, const Servers& tried,
                                                      MonoTime now) {
    CallPlan plan{.tokens = static_cast<std::int64_t>(jobs)};
    const auto server = pool_.choose(plan, without(tried), now);
    if (!server) return std::nullopt;
    const bool is_probe = pool_.view(*server, now).breaker == BreakerState::kHalfOpen;
    if (is_probe) plan.tokens = 1;
    return Call{.server = *server, .id = pool_.begin(*server, plan, now), .is_probe = is_probe};
}

bool ModelServers::are_full(const Servers& tried, MonoTime now) const {
    const auto left = without(tried);
    return !left.empty() && pool_.available_in(left, now) == milliseconds(0);
}

ModelServers::Servers ModelServers::without(const Servers& tried) const {
    Servers left;
    std::ranges::copy_if(all_, std::back_inserter(left),
                         [&](auto server) { return std::ranges::count(tried, server) == 0; });
    return left;
}

Outcome ModelServers::unavailable(MonoTime now) const {
    auto outcome = failed_outcome(
        OutcomeKind::kRateLimited, "server_unavailable",
        fmt::format("no server can run the model '{}' now; {}", model_, last_error_));
    outcome.retry_after = std::max(wait(now), kRestMin);
    return outcome;
}

Outcome ModelServers::busy() const {
    auto outcome = failed_outcome(OutcomeKind::kRateLimited, "server_busy",
                                  fmt::format("no server has room for the model '{}'", model_));
    outcome.retry_after = kRestMin;
    return outcome;
}

void ModelServers::end(const Call& call, CallResult result, MonoTime now) {
    end(call, {.result = result}, /*reason=*/"", now);
}

void ModelServers::end(const Call& call, const ServerError& error, MonoTime now) {
    const auto& outcome = error.outcome;
    if (is_against_the_server(error.result)) {
        last_error_ = fmt::format("{}: {}", base_url(call), outcome.error_message);
    }
    end(call, {.result = error.result, .retry_after = outcome.retry_after}, outcome.error_message,
        now);
}

void ModelServers::end(const Call& call, const CallEnd& how, const std::string& reason,
                       MonoTime now) {
    const auto is_closed = [&] {
        return pool_.view(call.server, now).breaker == BreakerState::kClosed;
    };
    const bool was_closed = is_closed();
    pool_.end(call.id, how, now);
    if (was_closed == is_closed()) return;
    if (was_closed) {
        log_warning("a model does not work on a server; its jobs wait",
                    {{"model", model_}, {"server", base_url(call)}, {"reason", reason}});
    } else {
        log_info("a model works again on a server",
                 {{"model", model_}, {"server", base_url(call)}});
    }
}

}  // namespace millrace::backends::oip
