#include "tests/chaos/plan.h"

#include <fmt/format.h>

#include <array>

#include <nlohmann/json.hpp>

#include "tests/support/seeded_random.h"
#include "worker/backends/synthetic/behaviour.h"

namespace millrace::chaos {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kBackendSeed = 1;  // backend.synthetic.seed, by default.

struct Behaviour {
    Json synthetic = Json::object();
    Json policy = Json::object();
    std::string end = "completed";
    int failures = 0;
};

// Few different times: jobs of the same one share batches, and so slots.
Behaviour choose_behaviour(Random& random) {
    const auto part = random.below(100);
    if (part < 60) return {};
    if (part < 70) return {.synthetic = {{"ms", 50}}};
    if (part < 76) return {.synthetic = {{"ms", random.below(2) == 0 ? 1000 : 2500}}};
    if (part < 80) return {.synthetic = {{"output_bytes", 20'000}, {"partials", 4}, {"ms", 400}}};
    if (part < 88) {
        return {.synthetic = {{"fail", "retryable"}, {"fail_attempts", 1}}, .failures = 1};
    }
    if (part < 92) {
        return {.synthetic = {{"fail", "retryable"}},
                .policy = {{"max_attempts", 2}},
                .end = "failed",
                .failures = 2};
    }
    if (part < 96) return {.synthetic = {{"fail", "permanent"}}, .end = "failed", .failures = 1};
    return {.synthetic = {{"fail", "hang"}, {"fail_attempts", 1}},
            .policy = {{"execution_timeout", "1s"}},
            .failures = 1};
}

std::string expected_text(const std::string& input) {
    const auto job = worker::parse_synthetic(input);
    return worker::make_output(job.value(), worker::stable_hash(kBackendSeed, input)).text;
}

}  // namespace

JobPlan plan_job(std::uint64_t seed, int number) {
    test::SeededRandom random(seed * 1'000'003 + static_cast<std::uint64_t>(number));
    const auto behaviour = choose_behaviour(random);
    const Json input{{"prompt", fmt::format("job {} of run {}", number, seed)},
                     {"synthetic", behaviour.synthetic}};
    constexpr std::array kPriorities{"high", "normal", "normal", "low"};
    Json body{{"model", "synthetic"},
              {"input", input},
              {"priority", kPriorities.at(random.below(kPriorities.size()))},
              {"metadata", {{"job", std::to_string(number)}}}};
    if (!behaviour.policy.empty()) body["policy"] = behaviour.policy;

    JobPlan plan;
    plan.planned = {.job = number,
                    .keyed = random.below(100) < 80,
                    .end = behaviour.end,
                    .failures = behaviour.failures,
                    .text = behaviour.end == "completed" ? expected_text(input.dump()) : ""};
    if (plan.planned.keyed) {
        plan.key = fmt::format("run-{}-job-{}", seed, number);
        plan.sent_twice = random.below(100) < 5;
    }
    plan.waits = random.below(100) < 40;
    if (random.below(100) < 6) {
        plan.planned.cancels = true;
        plan.cancel_after = std::chrono::milliseconds(random.below(1500));
    }
    // What is redriven completes then: it would be found again and again.
    const bool by_hand = random.below(2) == 0;
    plan.is_redriven = by_hand && plan.planned.cancels && behaviour.end == "completed";
    plan.is_retried = by_hand && behaviour.end == "failed";
    plan.retried_twice = plan.is_retried && random.below(4) == 0;
    plan.planned.retried = plan.is_retried || plan.is_redriven;
    if (plan.is_redriven) body["metadata"][std::string(kRedriveKey)] = kRedriveValue;
    plan.body = body.dump();
    return plan;
}

}  // namespace millrace::chaos
