// The pool against simulated servers on simulated time: what matters to an operator when one of
// several servers turns slow, dies, or has more work than it can do.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <queue>
#include <vector>

#include "tests/support/seeded_random.h"
#include "tests/unit/backends/serving/pool/start.h"
#include "worker/backends/serving/pool/endpoint_pool.h"

namespace millrace::backends::serving::pool {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kTokens = 200;

// A server that runs some calls at once, lets a few more wait and refuses the rest with 503.
struct Server {
    std::size_t slots = 8;
    std::size_t queue_max = 4;
    double ms_per_token = 5;
    bool is_dead = false;

    std::size_t running = 0;
    std::queue<EndpointPool::CallId> waiting = {};
    std::size_t waiting_most = 0;
    std::int64_t tokens_given = 0;  // Of the calls that it got.
    std::size_t calls = 0;
    std::size_t refusals = 0;
};

// Calls come from a given number of clients, each of which starts its next call when one has ended;
// or they come at a rate. Time passes in events.
class Fleet {
 public:
    explicit Fleet(std::vector<Server> servers, std::uint64_t seed = 1)
        : random_(seed), servers_(std::move(servers)), all_(servers_.size()) {
        std::iota(all_.begin(), all_.end(), EndpointIndex{0});
    }

    void make_pool(std::size_t slots) {
        pool_.emplace(std::vector<EndpointCapacity>(servers_.size(), {.slots = slots}), random_);
    }
    Server& server(EndpointIndex index) { return servers_[index]; }
    EndpointPool& pool() { return *pool_; }
    MonoTime now() const { return now_; }
    std::size_t served() const { return served_; }

    // Keeps `backlog` calls waiting for a place at all times.
    void run(milliseconds time, std::size_t backlog) {
        const auto end = now_ + time;
        while (now_ < end) {
            backlog_ = std::max(backlog_, backlog);
            place();
            step(end);
        }
    }
    // Starts a call every `interval`.
    void run_at_rate(milliseconds time, milliseconds interval) {
        const auto end = now_ + time;
        for (auto next = now_; now_ < end;) {
            if (now_ >= next) {
                ++backlog_;
                next += interval;
            }
            place();
            step(std::min(end, next));
        }
    }
    void forget_counts() {
        served_ = 0;
        for (auto& server : servers_) {
            server.tokens_given = 0;
            server.calls = server.refusals = server.waiting_most = 0;
        }
    }
    double share_of(EndpointIndex index) const {
        double sum = 0;
        for (const auto& server : servers_) sum += static_cast<double>(server.tokens_given);
        return static_cast<double>(servers_[index].tokens_given) / sum;
    }

 private:
    struct Event {
        MonoTime at;
        EndpointIndex server;
        EndpointPool::CallId call;
        CallResult result;
        bool operator>(const Event& other) const { return at > other.at; }
    };

    void place() {
        while (backlog_ > 0) {
            const CallPlan plan{.tokens = kTokens};
            const auto chosen = pool_->choose(plan, all_, now_);
            if (!chosen) return;
            --backlog_;
            arrive(*chosen, pool_->begin(*chosen, plan, now_));
        }
    }
    void arrive(EndpointIndex index, EndpointPool::CallId call) {
        auto& server = servers_[index];
        ++server.calls;
        if (server.is_dead) {
            events_.push({now_ + milliseconds(1), index, call, CallResult::kUnreachable});
        } else if (server.running < server.slots) {
            serve(index, call);
        } else if (server.waiting.size() < server.queue_max) {
            server.waiting.push(call);
            server.waiting_most = std::max(server.waiting_most, server.waiting.size());
        } else {
            ++server.refusals;
            events_.push({now_ + milliseconds(1), index, call, CallResult::kRefused});
        }
    }
    void serve(EndpointIndex index, EndpointPool::CallId call) {
        auto& server = servers_[index];
        ++server.running;
        server.tokens_given += kTokens;
        const auto ms = server.ms_per_token * kTokens * (0.75 + 0.5 * random_.unit());
        events_.push({now_ + milliseconds(static_cast<int>(ms)), index, call, CallResult::kServed});
    }
    // Goes to the next event, but not beyond `end`, in small steps: breakers and rests end
    // unannounced.
    void step(MonoTime end) {
        const auto tick = std::min(end, now_ + milliseconds(20));
        if (events_.empty() || events_.top().at > tick) {
            now_ = tick;
            return;
        }
        const auto event = events_.top();
        events_.pop();
        now_ = event.at;
        pool_->end(event.call, {.result = event.result, .tokens = kTokens}, now_);
        if (event.result != CallResult::kServed) {
            ++backlog_;
            return;
        }
        ++served_;
        auto& server = servers_[event.server];
        --server.running;
        if (server.waiting.empty()) return;
        const auto next = server.waiting.front();
        server.waiting.pop();
        serve(event.server, next);
    }

    test::SeededRandom random_;
    std::vector<Server> servers_;
    std::vector<EndpointIndex> all_;
    std::optional<EndpointPool> pool_;
    MonoTime now_ = kStart;
    std::size_t backlog_ = 0;
    std::size_t served_ = 0;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

// Calls take a second each on a healthy server.
class FleetTest : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, FleetTest, testing::Range<std::uint64_t>(1, 6));

TEST_P(FleetTest, AServerThatTurnsTenTimesSlowerLosesItsWork) {
    Fleet fleet({{}, {}, {}, {}}, GetParam());
    fleet.make_pool(8);
    const milliseconds interval(60);  // About half of what the four can do.
    fleet.run_at_rate(seconds(30), interval);
    EXPECT_NEAR(fleet.share_of(2), 0.25, 0.08);
    fleet.server(2).ms_per_token *= 10;
    fleet.forget_counts();
    fleet.run_at_rate(seconds(10), interval);
    const auto share_at_first = fleet.share_of(2);
    fleet.forget_counts();
    fleet.run_at_rate(seconds(60), interval);
    EXPECT_LE(fleet.share_of(2), 0.05);
    // Even within the first ten seconds it gets little.
    EXPECT_LE(share_at_first, 0.10);
}

TEST_P(FleetTest, AServerThatTurnsTenTimesSlowerLosesItsWorkWhenAllAreBusyToo) {
    Fleet fleet({{}, {}, {}, {}}, GetParam());
    fleet.make_pool(8);
    fleet.run(seconds(30), 8);
    fleet.server(2).ms_per_token *= 10;
    fleet.run(seconds(10), 8);
    fleet.forget_counts();
    fleet.run(seconds(60), 8);
    EXPECT_LE(fleet.share_of(2), 0.05);
}

TEST_P(FleetTest, AServerThatIsFastAgainGetsItsWorkBack) {
    Fleet fleet({{}, {}, {}, {}}, GetParam());
    fleet.make_pool(8);
    fleet.server(2).ms_per_token *= 10;
    fleet.run_at_rate(seconds(60), milliseconds(60));
    fleet.server(2).ms_per_token /= 10;
    fleet.run_at_rate(seconds(60), milliseconds(60));
    fleet.forget_counts();
    fleet.run_at_rate(seconds(60), milliseconds(60));
    EXPECT_GE(fleet.share_of(2), 0.15);
}

TEST_P(FleetTest, ADeadServerIsEjectedAndProbed) {
    Fleet fleet({{}, {}, {}, {}}, GetParam());
    fleet.make_pool(8);
    fleet.run_at_rate(seconds(10), milliseconds(60));
    fleet.server(1).is_dead = true;
    fleet.run_at_rate(seconds(2), milliseconds(60));
    EXPECT_NE(fleet.pool().view(1, fleet.now()).breaker, BreakerState::kClosed);
    EXPECT_LE(fleet.pool().view(1, fleet.now()).open_for, seconds(5));
    fleet.server(1).is_dead = false;
    fleet.forget_counts();
    fleet.run_at_rate(seconds(5), milliseconds(60));
    EXPECT_GE(fleet.server(1).calls, 1U);
    fleet.run_at_rate(seconds(2), milliseconds(60));
    EXPECT_EQ(fleet.pool().view(1, fleet.now()).breaker, BreakerState::kClosed);
}

TEST_P(FleetTest, ThreefoldOverloadCostsNoGoodput) {
    Fleet fleet({{}}, GetParam());
    fleet.make_pool(24);  // Three times what the server runs at once.
    fleet.run(seconds(30), 24);
    fleet.forget_counts();
    fleet.run(seconds(120), 24);
    const double peak = 8 * 120;  // Calls of a second each.
    EXPECT_GE(static_cast<double>(fleet.served()), 0.95 * peak);
    const auto& server = fleet.server(0);
    EXPECT_LE(server.waiting_most, 5U);
    EXPECT_LE(static_cast<double>(server.refusals), 0.03 * static_cast<double>(server.calls));
}

TEST_P(FleetTest, TheLimitReturnsWhenTheCapacityDoes) {
    Fleet fleet({{}}, GetParam());
    fleet.make_pool(8);
    fleet.run(seconds(10), 24);
    fleet.server(0).slots = 0;
    fleet.server(0).queue_max = 0;
    fleet.run(seconds(30), 24);
    EXPECT_EQ(fleet.pool().view(0, fleet.now()).limit, 1U);
    fleet.server(0).slots = 8;
    fleet.run(seconds(10), 24);
    EXPECT_GE(fleet.pool().view(0, fleet.now()).limit, 8U);
}

}  // namespace
}  // namespace millrace::backends::serving::pool
