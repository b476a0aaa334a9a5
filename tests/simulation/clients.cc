#include "tests/simulation/clients.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/model.h"

namespace millrace::simulation {

using service::SubmitResult;

Clients::Clients(World& world, History& history, const Clock& database_clock,
                 std::function<std::shared_ptr<GatewayProcess>()> gateway)
    : world_(world),
      history_(history),
      database_clock_(database_clock),
      gateway_(std::move(gateway)) {}

void Clients::submit_within(microseconds time, int jobs) {
    while (static_cast<int>(submissions_.size()) < jobs) {
        std::vector<int> together;
        const auto size = world_.chance(0.2) ? 1 + world_.random().below(6) : 1;
        for (std::size_t i = 0; i < size; ++i) {
            const auto number = static_cast<int>(submissions_.size());
            submissions_.push_back({draw_request(number)});
            together.push_back(number);
        }
        world_.after(world_.between(microseconds(0), time), [this, together] { send(together); });
    }
}

service::SubmitRequest Clients::draw_request(int number) {
    service::SubmitRequest request;
    auto& spec = request.spec;
    spec.queue = "default";
    spec.priority = kPriorities.at(world_.random().below(kPriorities.size()));
    spec.model = world_.chance(0.7) ? "small" : "large";
    spec.metadata_json = fmt::format(R"({{"submission":"{}"}})", number);
    spec.input_json = "{}";
    if (!has_poison_ && world_.chance(0.02)) {
        has_poison_ = true;
        spec.input_json = kPoison;
    }
    auto& policy = spec.policy;
    const bool is_long = world_.chance(0.5);
    policy.execution_timeout = is_long ? std::chrono::minutes(10) : milliseconds(1500);
    policy.attempts_max = 1 + static_cast<int>(world_.random().below(3));
    if (world_.chance(0.1)) policy.ttl = seconds(1 + world_.random().below(20));
    if (world_.chance(0.1)) policy.start_within = seconds(1 + world_.random().below(5));
    if (world_.chance(0.15)) {
        request.run_at = database_clock_.wall() + world_.between(seconds(0), seconds(15));
    }
    if (world_.chance(0.4)) request.idempotency = {fmt::format("key-{}", number), {}};
    return request;
}

// --- Submitting ---------------------------------------------------------------------------------

void Clients::send(std::vector<int> submissions) {
    const auto gateway = gateway_();
    if (!gateway) {
        const auto soon = world_.between(milliseconds(100), milliseconds(500));
        return world_.after(soon, [this, submissions] { send(submissions); });
    }
    const auto call = calls_so_far_++;
    std::vector<service::SubmitRequest> requests;
    for (const auto number : submissions) {
        requests.push_back(submissions_[static_cast<std::size_t>(number)].request);
    }
    calls_[call] = {gateway, std::move(submissions)};
    world_.after(world_.between(seconds(2), seconds(10)), [this, call] { give_up(call); });
    gateway->submit(std::move(requests),
                    [this, call](std::vector<SubmitResult> results) { heard(call, results); });
}

void Clients::heard(int call, const std::vector<SubmitResult>& results) {
    const auto node = calls_.extract(call);
    // A client that has given up gets no answer.
    if (node.mapped().given_up) return;
    const auto& submissions = node.mapped().submissions;
    for (std::size_t i = 0; i < submissions.size(); ++i) heard_one(submissions[i], results[i]);
}

void Clients::heard_one(int number, const SubmitResult& result) {
    auto& submission = submissions_[static_cast<std::size_t>(number)];
    Answer answer{number, submission.request.idempotency.has_value(), Answer::Kind::kAccepted, {}};
    if (result) {
        world_.say("client", "submission {} is {}", number, result->id.str());
        answer.job = result->id;
        submission.is_over = true;
        history_.tell(&Checker::answered, answer);
        return follow(result->id);
    }
    const auto code = result.error().error.code;
    world_.say("client", "submission {}: {}", number, error_info(code).name);
    if (code == ErrorCode::kOutcomeUnknown) {
        if (!result.error().id || result.error().id->is_nil()) {
            history_.violated("1", "a submit is in doubt, and nobody says about which job");
        }
        return in_doubt(number);
    }
    answer.kind = Answer::Kind::kRefused;
    history_.tell(&Checker::answered, answer);
    send_later(number);
}

void Clients::give_up(int call) {
    const auto found = calls_.find(call);
    if (found == calls_.end()) return;
    found->second.given_up = true;
    for (const auto number : found->second.submissions) in_doubt(number);
}

// With a key it is safe to send the submission again.
void Clients::in_doubt(int number) {
    auto& submission = submissions_[static_cast<std::size_t>(number)];
    const bool has_key = submission.request.idempotency.has_value();
    history_.tell(&Checker::answered, Answer{number, has_key, Answer::Kind::kInDoubt, {}});
    submission.is_over = !has_key;
    if (has_key) send_later(number);
}

void Clients::send_later(int number) {
    world_.after(world_.between(milliseconds(100), seconds(2)), [this, number] { send({number}); });
}

// --- Waiting and cancelling ---------------------------------------------------------------------

void Clients::follow(JobId job) {
    if (world_.chance(0.5)) wait_for(job);
    if (world_.chance(0.2)) {
        world_.after(world_.between(microseconds(0), seconds(4)), [this, job] { cancel(job); });
    }
}

// Subscribes first, then reads.
void Clients::wait_for(JobId job) {
    const auto gateway = gateway_();
    if (!gateway) return;
    const auto wait = static_cast<int>(waits_.size());
    auto subscription =
        gateway->watch(job, [this, wait](JobState) { waits_.at(wait).told = true; });
    if (!subscription) return;
    waits_[wait] = {job, gateway, std::move(subscription)};
    read(wait);
}

void Clients::read(int wait) {
    auto& waiting = waits_.at(wait);
    const auto gateway = waiting.gateway.lock();
    if (!gateway || !gateway->is_alive()) return;
    gateway->get(waiting.job, [this, wait](const Result<storage::JobRecord>& job) {
        if (!job) {
            return world_.after(milliseconds(500), [this, wait] { read(wait); });
        }
        if (info(job->state).is_final) waits_.at(wait).told = true;
    });
}

void Clients::cancel(JobId job) {
    const auto again = [this, job] {
        world_.after(milliseconds(500), [this, job] { cancel(job); });
    };
    const auto gateway = gateway_();
    if (!gateway) return again();
    world_.say("client", "cancels {}", job.str());
    gateway->cancel(job, [again](const Result<storage::JobRecord>& record) {
        if (!record && record.error().code == ErrorCode::kUnavailable) again();
    });
}

std::string Clients::pending() const {
    for (std::size_t i = 0; i < submissions_.size(); ++i) {
        if (!submissions_[i].is_over) return fmt::format("submission {} was not heard", i);
    }
    for (const auto& [number, call] : calls_) {
        const auto gateway = call.gateway.lock();
        if (gateway && gateway->is_alive()) return gateway->name() + " does not answer a submit";
    }
    for (const auto& [number, wait] : waits_) {
        const auto gateway = wait.gateway.lock();
        if (wait.told || !gateway || !gateway->is_alive()) continue;
        return gateway->name() + " does not tell of the end of " + wait.job.str();
    }
    return {};
}

}  // namespace millrace::simulation
