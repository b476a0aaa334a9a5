// Cancels that came before their attempt: the order and the claim take different ways.
//
// A cancel is kept until its attempt is claimed, or until the second call of forget_older() after
// it: by then the reply to a heartbeat has repeated it, if it still holds. Beyond `kept_max`
// between two such calls, cancels are dropped, to be repeated in the same way.
//
// Threads:   plain values; one caller at a time. Whoever looks for an attempt and keeps a cancel if
//            there is none must do both under the lock under which attempts are added.
// Blocks:    never.
// Errors:    none.
#pragma once

#include <cstddef>
#include <unordered_set>
#include <utility>

#include "common/job/job.h"

namespace millrace::execute {

class CancelMailbox {
 public:
    explicit CancelMailbox(std::size_t kept_max) : kept_max_(kept_max) {}

    void keep(const AttemptKey& key) {
        if (newer_.size() < kept_max_) newer_.insert(key);
    }
    // Removes the cancel of this attempt; false if there is none.
    bool take(const AttemptKey& key) { return newer_.erase(key) + older_.erase(key) > 0; }
    // Forgets the cancels that were kept before the previous call.
    void forget_older() { older_ = std::exchange(newer_, {}); }

 private:
    using Keys = std::unordered_set<AttemptKey, AttemptKeyHash>;

    const std::size_t kept_max_;
    Keys newer_;
    Keys older_;
};

}  // namespace millrace::execute
