#include "tests/chaos/plan.h"

#include <fmt/format.h>

#include <array>

#include <nlohmann/json.hpp>

#include "tests/support/seeded_random.h"
#include "worker/backends/synthetic/behaviour.h"

namespace millrace::chaos {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kBackendSeed = 1;  // The default of backend.synthetic.seed.

struct Behaviour {
    Json synthetic = Json::object();
    Json policy = Json::object();
    std::string end = "completed";
    int failures = 0;
};

// Few different times: jobs with the same time share batches, and so slots.
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

void plan_retries(Random& random, JobPlan& plan, Behaviour& behaviour) {
    if (random.below(2) == 0) return;
    plan.is_retried = behaviour.end == "failed";
    plan.retried_twice = plan.is_retried && random.below(4) == 0;
    // A job to be redriven must succeed unless it is cancelled, or it would be redriven again and
    // again. It runs long enough to be cancelled.
    plan.is_redriven = plan.planned.cancels && behaviour.failures == 0;
    if (plan.is_redriven) {
        behaviour.synthetic["ms"] = 1000;
        plan.cancel_after = std::chrono::milliseconds(random.below(500));
    }
    plan.planned.retried = plan.is_retried || plan.is_redriven;
}

std::string expected_text(const std::string& input) {
    const auto job = backends::synthetic::parse_synthetic(input);
    return backends::synthetic::make_output(job.value(),
                                            backends::synthetic::stable_hash(kBackendSeed, input))
        .text;
}

}  // namespace

JobPlan plan_job(std::uint64_t seed, int number) {
    test::SeededRandom random(seed * 1'000'003 + static_cast<std::uint64_t>(number));
    auto behaviour = choose_behaviour(random);
    JobPlan plan;
    auto& planned = plan.planned;
    planned.cancels = random.below(100) < 6;
    if (planned.cancels) plan.cancel_after = std::chrono::milliseconds(random.below(1500));
    plan_retries(random, plan, behaviour);

    const Json input{{"prompt", fmt::format("job {} of run {}", number, seed)},
                     {"synthetic", behaviour.synthetic}};
    planned.job = number;
    planned.keyed = random.below(100) < 80;
    planned.end = behaviour.end;
    planned.failures = behaviour.failures;
    if (behaviour.end == "completed") planned.text = expected_text(input.dump());
    if (planned.keyed) {
        plan.key = fmt::format("run-{}-job-{}", seed, number);
        plan.sent_twice = random.below(100) < 5;
    }
    plan.waits = random.below(100) < 40;

    constexpr std::array kPriorities{"high", "normal", "normal", "low"};
    Json body{{"model", "synthetic"},
              {"input", input},
              {"priority", kPriorities.at(random.below(kPriorities.size()))},
              {"metadata", {{"job", std::to_string(number)}}}};
    if (plan.is_redriven) body["metadata"][std::string(kRedriveKey)] = kRedriveValue;
    if (!behaviour.policy.empty()) body["policy"] = behaviour.policy;
    plan.body = body.dump();
    return plan;
}

}  // namespace millrace::chaos
