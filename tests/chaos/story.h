// Sorts a history by job. Pure.
#pragma once

#include <optional>
#include <vector>

#include "tests/chaos/history.h"

namespace millrace::chaos {

// All events of one planned job. Usually it became one job of the system; without a key and with
// lost answers it may have become several.
struct Story {
    const Planned* planned = nullptr;
    std::vector<const Submitted*> submitted;
    std::vector<const Seen*> seen;  // In the order of their answers.
    std::vector<const Listed*> listed;

    bool accepted() const;  // A submission was answered 2xx.
    std::optional<Moment> first_sent() const;
    std::optional<Moment> first_final() const;  // When a client first saw an end.
};

// One for each planned job, by number. Points into the history, which must outlive it.
std::vector<Story> tell(const History& history);

}  // namespace millrace::chaos
