// Ends attempts: one short statement for those that completed their job, another for all others.

#include <algorithm>
#include <numeric>

#include "common/storage/postgres/rows.h"
#include "common/storage/postgres/store.h"

namespace millrace::storage::postgres {
namespace {

using Element = ArrayParameter::Element;
using Indexes = std::vector<std::size_t>;

bool completes(const SettledAttempt& attempt) {
    return attempt.settlement.next == JobState::kCompleted;
}

// The history has no completed attempt for a job that did not complete: a complete output that
// could not be kept is a permanent failure.
OutcomeKind outcome_of(const SettledAttempt& attempt) {
    const auto kind = attempt.outcome.kind;
    return kind == OutcomeKind::kCompleted ? OutcomeKind::kPermanent : kind;
}

// The attempts for one of the two statements, in the order in which their rows are locked, and the
// parameters that both statements have.
struct SettleColumns {
    Indexes attempts;
    ArrayParameter ids{Element::kUuid};
    ArrayParameter epochs{Element::kInt8};
    ArrayParameter prompt_tokens{Element::kInt8};
    ArrayParameter completion_tokens{Element::kInt8};

    void add(std::size_t index, const SettledAttempt& attempt) {
        attempts.push_back(index);
        ids.add(attempt.key.job.uuid());
        epochs.add(attempt.key.epoch);
        prompt_tokens.add(attempt.outcome.usage.prompt_tokens);
        completion_tokens.add(attempt.outcome.usage.completion_tokens);
    }
};

struct CompleteColumns : SettleColumns {
    ArrayParameter outputs{Element::kText};

    void add(std::size_t index, const SettledAttempt& attempt) {
        SettleColumns::add(index, attempt);
        outputs.add(std::string_view(attempt.outcome.output_json));
    }

    pqxx::result execute(pqxx::transaction_base& transaction, const std::string& worker) const {
        return transaction.exec_prepared("job_complete", worker, parameter(ids), parameter(epochs),
                                         parameter(outputs), parameter(prompt_tokens),
                                         parameter(completion_tokens));
    }
};

struct OtherColumns : SettleColumns {
    ArrayParameter next{Element::kInt2};
    ArrayParameter delays{Element::kInt8};
    ArrayParameter outcomes{Element::kInt2};
    ArrayParameter counts{Element::kBool};
    ArrayParameter codes{Element::kText};
    ArrayParameter messages{Element::kText};

    void add(std::size_t index, const SettledAttempt& attempt) {
        const auto& settlement = attempt.settlement;
        SettleColumns::add(index, attempt);
        next.add(static_cast<std::int16_t>(settlement.next));
        delays.add(settlement.delay);
        outcomes.add(static_cast<std::int16_t>(outcome_of(attempt)));
        counts.add(settlement.counts_as_failure);
        codes.add_unless_empty(settlement.error_code);
        messages.add_unless_empty(settlement.error_message);
    }

    pqxx::result execute(pqxx::transaction_base& transaction, const std::string& worker) const {
        return transaction.exec_prepared("job_settle", worker, parameter(ids), parameter(epochs),
                                         parameter(next), parameter(delays), parameter(outcomes),
                                         parameter(counts), parameter(codes), parameter(messages),
                                         parameter(prompt_tokens), parameter(completion_tokens));
    }
};

}  // namespace

Result<std::vector<SettledReply>> PostgresJobStore::job_settle(
    WorkerId worker, const std::vector<SettledAttempt>& attempts) {
    Indexes order(attempts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return attempts[i].key; });
    CompleteColumns completed;
    OtherColumns others;
    for (const auto i : order) {
        completes(attempts[i]) ? completed.add(i, attempts[i]) : others.add(i, attempts[i]);
    }

    std::vector<SettledReply> replies;
    const auto id = worker.uuid().str();
    const auto accept = [&](std::size_t i, JobState state) {
        replies.at(i).accepted = true;
        replies.at(i).state = state;
    };
    const auto execute = [&](pqxx::transaction_base& transaction) {
        replies.clear();
        for (const auto& attempt : attempts) replies.push_back({.key = attempt.key});
        if (!completed.attempts.empty()) {
            for (const auto& row : completed.execute(transaction, id)) {
                accept(completed.attempts.at(index_of(row[0])), JobState::kCompleted);
            }
        }
        if (!others.attempts.empty()) {
            for (const auto& row : others.execute(transaction, id)) {
                accept(others.attempts.at(index_of(row[0])), state_of(row[1]));
            }
        }
    };
    if (others.attempts.empty()) {
        TRY_STATUS(session_.run(Effect::kWrite, "job_complete", execute));
    } else if (completed.attempts.empty()) {
        TRY_STATUS(session_.run(Effect::kWrite, "job_settle", execute));
    } else {
        TRY_STATUS(session_.transact("job_settle", execute));
    }
    if (const auto seen = recognise_settled(worker, attempts, replies); !seen) {
        // What this call settled is recognised when the batch comes again.
        return Error{ErrorCode::kOutcomeUnknown, seen.error().message};
    }
    return replies;
}

Status PostgresJobStore::recognise_settled(WorkerId worker,
                                           const std::vector<SettledAttempt>& attempts,
                                           std::vector<SettledReply>& replies) {
    Indexes refused;
    ArrayParameter ids(Element::kUuid);
    ArrayParameter epochs(Element::kInt8);
    ArrayParameter completed(Element::kBool);
    ArrayParameter outcomes(Element::kInt2);
    for (std::size_t i = 0; i < attempts.size(); ++i) {
        if (replies[i].accepted) continue;
        refused.push_back(i);
        ids.add(attempts[i].key.job.uuid());
        epochs.add(attempts[i].key.epoch);
        completed.add(completes(attempts[i]));
        outcomes.add(static_cast<std::int16_t>(outcome_of(attempts[i])));
    }
    if (refused.empty()) return ok();
    return session_.run(Effect::kRead, "job_settled_before", [&](auto& transaction) {
        for (const auto& row : transaction.exec_prepared(
                 "job_settled_before", worker.uuid().str(), parameter(ids), parameter(epochs),
                 parameter(completed), parameter(outcomes))) {
            auto& reply = replies.at(refused.at(index_of(row[0])));
            reply.accepted = true;
            reply.state = state_of(row[1]);
        }
    });
}

}  // namespace millrace::storage::postgres
