// Judges a history: finds the promises that the system did not keep. Pure.
//
// It relies only on the answers that clients received and on what exists at the end.
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
    kWrongContent,  // An output that is not the job's own.
    kDuplicate,     // More jobs than were submitted.
    kLie,           // An answer that contradicts what exists.
    kBurnt,         // A failure that the job did not cause: an interruption that counted.
    kWrongEnd,      // Another final state than planned.
    kOddAnswer,     // A status that no client should get for a good request.
};

std::string_view name(Flaw flaw);

struct Finding {
    Flaw flaw = Flaw::kLost;
    int job = -1;  // -1: not a planned job.
    std::string id;
    std::string what;

    std::string str() const;
};

// Empty if every promise was kept.
std::vector<Finding> check(const History& history);

}  // namespace millrace::chaos
