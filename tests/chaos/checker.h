// Judges a history: what the system promised and did not keep. Pure.
//
// Nothing of the system is believed but what its clients were told and what exists at the end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/chaos/history.h"
#include "tests/chaos/story.h"

namespace millrace::chaos {

enum class Flaw {
    kLost,          // Accepted, and never final.
    kTwoEnds,       // A final state that changed, or two that differ.
    kWrongContent,  // Another output than the job's own.
    kDuplicate,     // More jobs than were submitted.
    kLie,           // An answer that what exists contradicts.
    kBurnt,         // A failure that was none of the job's: an interruption that counted.
    kWrongEnd,      // Another final state than planned.
    kOddAnswer,     // A status that no client should get for a good request.
};

std::string_view name(Flaw flaw);

struct Finding {
    Flaw flaw = Flaw::kLost;
    int job = -1;  // -1: of no planned job.
    std::string id;
    std::string what;

    std::string str() const;
};

// Empty for a run in which every promise was kept.
std::vector<Finding> check(const History& history);

}  // namespace millrace::chaos
