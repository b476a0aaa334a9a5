// Invariant 9: no worker holds more jobs than it has slots, no lane buffers much more than it may,
// and at rest every slot is free again.
#include "tests/simulation/checkers/checkers.h"

namespace millrace::simulation {
namespace {

class Bounds : public Checker {
 public:
    using Checker::Checker;

    void looked(const std::vector<WorkerGlance>& workers) override {
        for (const auto& worker : workers) {
            if (worker.held > worker.slots) {
                violated(worker, "holds more jobs than it has slots");
            }
            for (const auto waiting : worker.lanes) {
                // A lane that is not full yet still takes the whole of one more poll.
                if (waiting > 2 * worker.lane_buffer_max) violated(worker, "buffers too much");
            }
        }
    }

 private:
    void violated(const WorkerGlance& worker, std::string_view what) {
        history().violated("9", fmt::format("process {} {}", worker.process, what));
    }
};

}  // namespace

void add_bounds(History& history) {
    history.add(std::make_unique<Bounds>(history));
}

}  // namespace millrace::simulation
