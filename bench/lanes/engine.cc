#include "bench/lanes/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

namespace millrace::bench {
namespace {

constexpr std::chrono::minutes kPatience{1};
constexpr std::string_view kMaxTokens = "\"max_tokens\":";

int tokens_of(const std::string& body) {
    const auto at = body.find(kMaxTokens);
    return at == std::string::npos ? 1 : std::atoi(body.c_str() + at + kMaxTokens.size());
}

}  // namespace

Engine::Engine(std::size_t slots, std::chrono::milliseconds token)
    : slots_(slots), token_(token), server_([this](test::Exchange& one) { answer(one); }) {}

std::string Engine::input(int tokens) {
    return fmt::format(R"({{"prompt":"hello","max_tokens":{}}})", tokens);
}

void Engine::answer(test::Exchange& exchange) {
    const auto target = exchange.target();
    if (target == "GET /v1/models") {
        return exchange.reply(200, "application/json",
                              R"({"data":[{"id":"engine","owned_by":"llamacpp"}]})");
    }
    if (target == "GET /props") {
        return exchange.reply(200, "application/json",
                              fmt::format(R"({{"total_slots":{}}})", slots_));
    }
    if (target == "GET /metrics") {
        return exchange.reply(200, "text/plain",
                              fmt::format("llamacpp:requests_deferred {}\n", queued()));
    }
    enter();
    const bool completed = generate(exchange);
    leave(completed);
}

bool Engine::generate(test::Exchange& exchange) const {
    const auto tokens = tokens_of(exchange.body());
    auto next = std::chrono::steady_clock::now();
    exchange.begin_stream();
    for (int i = 0; i < tokens && !exchange.closed(); ++i) {
        std::this_thread::sleep_until(next += token_);
        exchange.event(R"({"choices":[{"index":0,"text":"x"}]})");
    }
    exchange.event(R"({"choices":[{"index":0,"text":"","finish_reason":"stop"}]})");
    exchange.event(fmt::format(
        R"({{"choices":[],"usage":{{"prompt_tokens":1,"completion_tokens":{}}}}})", tokens));
    exchange.event("[DONE]");
    exchange.end_stream();
    return !exchange.closed();
}

// --- Slots --------------------------------------------------------------------------------------

void Engine::enter() {
    {
        std::unique_lock lock(mutex_);
        if (busy_ >= slots_) {
            queue_max_ = std::max(queue_max_, ++queued_);
            changed_.wait(lock, [this] { return busy_ < slots_; });
            --queued_;
        }
        ++busy_;
        ++begun_;
    }
    changed_.notify_all();
}

void Engine::leave(bool completed) {
    {
        const std::lock_guard lock(mutex_);
        --busy_;
        ++ended_;
        if (completed) ++completed_;
    }
    changed_.notify_all();
}

std::size_t Engine::completed() const {
    const std::lock_guard lock(mutex_);
    return completed_;
}

std::size_t Engine::begun() const {
    const std::lock_guard lock(mutex_);
    return begun_;
}

std::size_t Engine::ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

std::size_t Engine::queued() const {
    const std::lock_guard lock(mutex_);
    return queued_;
}

std::size_t Engine::take_queue_max() {
    const std::lock_guard lock(mutex_);
    return std::exchange(queue_max_, queued_);
}

void Engine::wait_for_busy(std::size_t count) {
    wait([&] { return busy_ == count; });
}

void Engine::wait_for_begun(std::size_t count) {
    wait([&] { return begun_ >= count; });
}

void Engine::wait_for_ended(std::size_t count) {
    wait([&] { return ended_ >= count; });
}

void Engine::wait(const std::function<bool()>& is_so) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, is_so)) {
        throw std::runtime_error("the engine does not see what the bench waits for");
    }
}

}  // namespace millrace::bench
