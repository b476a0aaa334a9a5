#include "worker/execute/drain.h"

#include "common/base/log.h"

namespace millrace::execute {

bool Drain::step() {
    const auto held = executor_.held();
    if (held == 0) return true;
    const auto now = clock_.now();
    if (!handed_back_at_) {
        if (now < deadline_.load() && !hurry_) return false;
        log_info("handing back what still runs", {{"jobs", held}});
        handed_back_at_ = now;
        executor_.interrupt_all();
        return false;
    }
    if (now - *handed_back_at_ < options_.hand_back_timeout) return false;
    log_warning("ended with jobs that could not be handed back; a keeper queues them again",
                {{"jobs", held}});
    return true;
}

}  // namespace millrace::execute
