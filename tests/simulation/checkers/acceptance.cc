// Invariant 1: an accepted submission is exactly one job, which ends; a refused one is none. An
// idempotency key stands for one job, however often it is sent.
#include "tests/simulation/checkers/checkers.h"

namespace millrace::simulation {
namespace {

class Acceptance : public Checker {
 public:
    using Checker::Checker;

    void answered(const Answer& answer) override {
        auto& heard = heard_[answer.submission];
        heard.has_key = answer.has_key;
        if (answer.kind == Answer::Kind::kInDoubt) ++heard.doubts;
        if (answer.kind != Answer::Kind::kAccepted) return;
        if (!history().jobs().contains(*answer.job)) {
            history().violated("1", answer.job->str() + " was accepted and does not exist");
        }
        heard.accepted.insert(*answer.job);
        if (heard.has_key && heard.accepted.size() > 1) {
            history().violated("1", fmt::format("the key of submission {} stands for two jobs",
                                                answer.submission));
        }
    }

    void came_to_rest() override {
        std::map<std::string, std::size_t> jobs;  // By the mark in their submission.
        for (const auto& [id, job] : history().jobs()) ++jobs[job.metadata_json];
        for (const auto& [number, heard] : heard_) {
            const auto made = jobs[fmt::format(R"({{"submission":"{}"}})", number)];
            const auto least = heard.accepted.size();
            const auto most = heard.has_key ? std::min<std::size_t>(1, least + heard.doubts)
                                            : least + heard.doubts;
            if (made >= least && made <= most) continue;
            history().violated("1", fmt::format("submission {} made {} jobs, not {} to {}", number,
                                                made, least, most));
        }
    }

 private:
    struct Heard {
        bool has_key = false;
        std::size_t doubts = 0;
        std::set<JobId> accepted;
    };

    std::map<int, Heard> heard_;
};

}  // namespace

void add_acceptance(History& history) {
    history.add(std::make_unique<Acceptance>(history));
}

}  // namespace millrace::simulation
