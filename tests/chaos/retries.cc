#include "tests/chaos/retries.h"

#include <fmt/format.h>

#include <map>
#include <set>

namespace millrace::chaos {
namespace {

class RetryJudge {
 public:
    explicit RetryJudge(const History& history) : history_(history) {
        for (const auto& planned : history.planned) {
            if (planned.retried) wanted_.insert(planned.job);
        }
        for (const auto& job : history.listed) by_id_.emplace(job.id, &job);
    }

    std::vector<Finding> judge() {
        for (const auto& job : history_.listed) {
            if (!job.view.retry_of.empty()) check_retry(job);
            const auto& retry = job.view.retried_by;
            if (!retry.empty() && !by_id_.contains(retry)) {
                found(Flaw::kLie, job, fmt::format("its retry {} does not exist", retry));
            }
        }
        for (const auto& answer : history_.retried) check_answer(answer);
        return std::move(findings_);
    }

 private:
    void found(Flaw flaw, const Listed& job, std::string what) {
        findings_.push_back({flaw, job.job, job.id, std::move(what)});
    }

    void check_retry(const Listed& job) {
        const auto& of = job.view.retry_of;
        if (!retries_.emplace(of, job.id).second) {
            found(Flaw::kDuplicate, job, "is the second retry of " + of);
        }
        if (!wanted_.contains(job.job)) {
            found(Flaw::kDuplicate, job, fmt::format("nobody asked to retry {}", of));
        }
        const auto old = by_id_.find(of);
        if (old == by_id_.end()) {
            return found(Flaw::kLie, job, fmt::format("retries {}, which does not exist", of));
        }
        const auto& view = old->second->view;
        if (!view.is_final() || view.status == "completed") {
            found(Flaw::kLie, job, fmt::format("retries {}, which is {}", of, view.status));
        }
        if (view.retried_by != job.id) {
            found(Flaw::kLie, job,
                  fmt::format("retries {}, whose retry is \"{}\"", of, view.retried_by));
        }
    }

    void check_answer(const Retried& answer) {
        const auto finding = [&](Flaw flaw, std::string what) {
            const auto job = by_id_.find(answer.id);
            const int number = job == by_id_.end() ? -1 : job->second->job;
            findings_.push_back({flaw, number, answer.id, std::move(what)});
        };
        if (!is_success(answer.http)) {
            if (is_passing(answer.http)) return;
            return finding(Flaw::kOddAnswer,
                           fmt::format("a {} was answered {}", answer.how, answer.http));
        }
        if (answer.retry.empty()) return;
        const auto retry = retries_.find(answer.id);
        if (retry == retries_.end() || retry->second != answer.retry) {
            finding(Flaw::kLie, "its retry was answered with " + answer.retry);
        }
    }

    const History& history_;
    std::set<int> wanted_;
    std::map<std::string, const Listed*> by_id_;
    std::map<std::string, std::string> retries_;  // By the job that they retry.
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_retries(const History& history) {
    return RetryJudge(history).judge();
}

}  // namespace millrace::chaos
