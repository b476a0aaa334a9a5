// Guesses what a client meant by a name that does not exist: terms from other APIs and
// common slips, with the name that this API uses.
//
// Threads: pure.
#pragma once

#include <span>
#include <string_view>

namespace millrace::api::codec {

// A name that is unknown in its place, and a sentence that says what to write instead.
struct NameAdvice {
    std::string_view name;
    std::string_view advice;
};

// Advice for the members of a job, of its policy and of a batch.
std::span<const NameAdvice> job_advice();
std::span<const NameAdvice> policy_advice();
std::span<const NameAdvice> batch_advice();

// Returns an empty text if there is no advice for the name.
std::string_view advice_for(std::string_view name, std::span<const NameAdvice> advice);

}  // namespace millrace::api::codec
