#include "tests/chaos/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "tests/chaos/retries.h"

namespace millrace::chaos {
namespace {

// Collects the broken promises of one job.
class Judge {
 public:
    Judge(const Story& story, std::vector<Finding>& findings)
        : story_(story), plan_(*story.planned), findings_(findings) {}

    void judge() {
        check_answers();
        check_existence();
        check_denials();
        std::map<std::string, std::vector<const Seen*>> by_id;
        for (const auto* answer : story_.seen) {
            if (is_success(answer->http)) by_id[answer->id].push_back(answer);
        }
        for (const auto& [id, answers] : by_id) check_course(id, answers);
        for (const auto* job : story_.listed) check_end(*job);
    }

 private:
    void found(Flaw flaw, const std::string& id, std::string what) {
        findings_.push_back({flaw, plan_.job, id, std::move(what)});
    }

    void check_answers() {
        for (const auto* sent : story_.submitted) {
            const auto http = sent->http;
            if (is_success(http) || is_passing(http)) continue;
            found(Flaw::kOddAnswer, sent->id, fmt::format("a submission was answered {}", http));
        }
        for (const auto* answer : story_.seen) {
            const auto http = answer->http;
            if (is_success(http) || is_passing(http) || http == 404) continue;
            found(Flaw::kOddAnswer, answer->id,
                  fmt::format("a {} was answered {}", answer->how, http));
        }
    }

    // All promised jobs exist, and no more than may have been accepted. Retries by hand are judged
    // separately.
    void check_existence() {
        std::set<std::string> promised;
        std::size_t accepted = 0;
        std::size_t unknown = 0;
        for (const auto* sent : story_.submitted) {
            if (is_success(sent->http)) {
                promised.insert(sent->id);
                ++accepted;
            }
            unknown += sent->http == 0 || sent->http == 504 ? 1 : 0;
        }
        std::set<std::string> listed;
        std::set<std::string> existing;
        for (const auto* job : story_.listed) {
            if (!listed.insert(job->id).second) {
                found(Flaw::kTwoEnds, job->id, "stands in the list twice");
            }
            if (job->view.retry_of.empty()) existing.insert(job->id);
        }
        for (const auto& id : promised) {
            if (!existing.contains(id)) found(Flaw::kLie, id, "was accepted and does not exist");
        }
        if (plan_.keyed && promised.size() > 1) {
            found(Flaw::kDuplicate, *promised.begin(), "its key was answered with several jobs");
        }
        const auto most =
            plan_.keyed ? std::min<std::size_t>(1, accepted + unknown) : promised.size() + unknown;
        if (existing.size() > most) {
            found(most == 0 ? Flaw::kLie : Flaw::kDuplicate, *existing.begin(),
                  fmt::format("{} jobs exist, at most {} were accepted", existing.size(), most));
        }
        if (!plan_.keyed && accepted > promised.size()) {
            found(Flaw::kLie, *promised.begin(), "two submissions were answered with one job");
        }
    }

    // "There is no such job" stays true forever, or was a lie.
    void check_denials() {
        std::set<std::string> promised;
        for (const auto* sent : story_.submitted) {
            if (is_success(sent->http)) promised.insert(sent->id);
        }
        for (const auto* answer : story_.seen) {
            if (answer->http != 404) continue;
            const auto same = [&](const Listed* job) { return job->id == answer->id; };
            if (promised.contains(answer->id) || std::ranges::any_of(story_.listed, same)) {
                found(Flaw::kLie, answer->id, "a job that exists was answered 404");
            }
        }
    }

    // The answers about one job, in their order: its state never goes back.
    void check_course(const std::string& id, const std::vector<const Seen*>& answers) {
        const Seen* end = nullptr;
        for (const auto* answer : answers) {
            if (answer->view.is_final()) {
                check_output(*answer);
                if (end == nullptr) end = answer;
                if (!same_end(end->view, answer->view)) {
                    found(Flaw::kTwoEnds, id,
                          fmt::format("was {}, then {}", describe(end->view),
                                      describe(answer->view)));
                }
            } else if (end != nullptr && answer->span.from > end->span.to) {
                found(Flaw::kTwoEnds, id,
                      fmt::format("was {}, then {}", end->view.status, answer->view.status));
            }
        }
        check_attempts_rise(id, answers);
        for (const auto* job : story_.listed) {
            if (job->id == id && end != nullptr && !same_end(end->view, job->view)) {
                found(Flaw::kTwoEnds, id,
                      fmt::format("was {}, and is listed as {}", describe(end->view),
                                  describe(job->view)));
            }
        }
    }

    void check_attempts_rise(const std::string& id, const std::vector<const Seen*>& answers) {
        auto asked = answers;
        std::ranges::sort(asked, {}, [](const Seen* answer) { return answer->span.from; });
        int known = 0;  // From answers that came before the question.
        auto next = answers.begin();
        for (const auto* answer : asked) {
            for (; next != answers.end() && (*next)->span.to < answer->span.from; ++next) {
                known = std::max(known, (*next)->view.attempt);
            }
            if (answer->view.attempt < known) {
                found(Flaw::kTwoEnds, id,
                      fmt::format("went back from attempt {} to {}", known, answer->view.attempt));
            }
        }
    }

    void check_output(const Seen& answer) {
        const auto& view = answer.view;
        if (!view.text) return;
        if (view.output_of != answer.id) {
            found(Flaw::kWrongContent, answer.id, "has the output of " + view.output_of);
        } else if (*view.text != plan_.text) {
            found(Flaw::kWrongContent, answer.id, "has the output \"" + *view.text + '"');
        }
    }

    void check_end(const Listed& job) {
        const auto& view = job.view;
        if (!view.is_final()) {
            return found(Flaw::kLost, job.id, "is still " + view.status);
        }
        check_output({.id = job.id, .view = view});
        const bool was_cancelling = std::ranges::any_of(story_.seen, [&](const Seen* answer) {
            return answer->id == job.id && answer->view.status == "cancelling";
        });
        const bool may_be_cancelled =
            plan_.cancels && view.status == "cancelled" && view.retry_of.empty();
        if (view.status != plan_.end && !may_be_cancelled) {
            const bool burnt = view.status == "failed";
            found(burnt ? Flaw::kBurnt : Flaw::kWrongEnd, job.id,
                  fmt::format("is {} {}, not {}", view.status, view.error, plan_.end));
        } else if (was_cancelling && view.status == "failed") {
            found(Flaw::kWrongEnd, job.id, "was cancelling, and is failed");
        }
        check_counts(job);
    }

    void check_counts(const Listed& job) {
        const auto& view = job.view;
        if (view.failures > plan_.failures) {
            found(Flaw::kBurnt, job.id,
                  fmt::format("has {} failures, not {}", view.failures, plan_.failures));
        }
        if (view.status == "cancelled") return;
        if (view.interruptions == 0 && view.failures < plan_.failures) {
            found(Flaw::kWrongEnd, job.id,
                  fmt::format("ended after {} failures, not {}", view.failures, plan_.failures));
        }
        const int last = view.status == "completed" ? 1 : 0;
        if (view.attempt != view.failures + view.interruptions + last) {
            found(Flaw::kWrongEnd, job.id,
                  fmt::format("{} after {} attempts, {} failures, {} interruptions", view.status,
                              view.attempt, view.failures, view.interruptions));
        }
    }

    static bool same_end(const View& a, const View& b) {
        return a.status == b.status && a.attempt == b.attempt && a.failures == b.failures &&
               a.interruptions == b.interruptions && (!a.text || !b.text || *a.text == *b.text);
    }

    static std::string describe(const View& view) {
        return fmt::format("{} (attempt {}, {} failures, {} interruptions{})", view.status,
                           view.attempt, view.failures, view.interruptions,
                           view.text ? ", \"" + *view.text + '"' : "");
    }

    const Story& story_;
    const Planned& plan_;
    std::vector<Finding>& findings_;
};

}  // namespace

std::string_view name(Flaw flaw) {
    switch (flaw) {
        case Flaw::kLost:
            return "lost";
        case Flaw::kTwoEnds:
            return "two ends";
        case Flaw::kWrongContent:
            return "wrong content";
        case Flaw::kDuplicate:
            return "duplicate";
        case Flaw::kLie:
            return "lie";
        case Flaw::kBurnt:
            return "burnt";
        case Flaw::kWrongEnd:
            return "wrong end";
        case Flaw::kOddAnswer:
            return "odd answer";
    }
    return "unknown";
}

std::string Finding::str() const {
    return fmt::format("{}: job {} ({}): {}", name(flaw), job, id, what);
}

std::vector<Finding> check(const History& history) {
    std::vector<Finding> findings;
    const auto stories = tell(history);
    std::set<int> planned;
    for (const auto& story : stories) {
        planned.insert(story.planned->job);
        Judge(story, findings).judge();
    }
    for (const auto& job : history.listed) {
        if (planned.contains(job.job)) continue;
        findings.push_back({Flaw::kDuplicate, -1, job.id, "nobody submitted it"});
    }
    std::ranges::move(check_retries(history), std::back_inserter(findings));
    return findings;
}

}  // namespace millrace::chaos
