// Invariant 2: a final state never changes, and only allowed transitions lead there. A cancelled
// job does not run again: only two ends may follow `cancelling`.
#include "tests/simulation/checkers/checkers.h"

namespace millrace::simulation {
namespace {

class Finality : public Checker {
 public:
    using Checker::Checker;

    void changed(const Change& change) override {
        if (change.before == nullptr) return;
        const auto& [before, after] = std::tie(*change.before, change.after);
        if (info(before.state).is_final && !is_same(before, after)) {
            return history().violated(
                "2", fmt::format("{} was {} and changed", after.id.str(), name(before.state)));
        }
        if (before.state == after.state || may_change(before.state, after.state)) return;
        history().violated("2", fmt::format("{} went from {} to {}", after.id.str(),
                                            name(before.state), name(after.state)));
    }

 private:
    static bool is_same(const storage::JobRecord& a, const storage::JobRecord& b) {
        return a.state == b.state && a.epoch == b.epoch && a.finished_at == b.finished_at &&
               a.output_json == b.output_json && a.error_code == b.error_code &&
               a.failures == b.failures && a.attempts.size() == b.attempts.size();
    }
};

}  // namespace

void add_finality(History& history) {
    history.add(std::make_unique<Finality>(history));
}

}  // namespace millrace::simulation
