// What somebody meant who used a name or a path that is not ours: the words of other APIs and of
// slips, and what they are called here.
//
// Threads: pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace millrace::api {

// A name that is not known where it stands, and what to write instead, as a sentence.
struct NameAdvice {
    std::string_view name;
    std::string_view advice;
};

// For the members of a job, of its policy, and of a batch.
std::span<const NameAdvice> job_advice();
std::span<const NameAdvice> policy_advice();
std::span<const NameAdvice> batch_advice();

// Empty where the name says nothing.
std::string_view advice_for(std::string_view name, std::span<const NameAdvice> advice);

// For a path at which there is nothing: sentences that say what there is.
std::string path_advice(std::string_view path);

}  // namespace millrace::api
