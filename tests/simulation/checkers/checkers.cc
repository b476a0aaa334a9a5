#include "tests/simulation/checkers/checkers.h"

namespace millrace::simulation {

void add_checkers(History& history) {
    add_acceptance(history);
    add_finality(history);
    add_fences(history);
    add_leases(history);
    add_prompt_start(history);
    add_counting(history);
    add_bounds(history);
}

}  // namespace millrace::simulation
