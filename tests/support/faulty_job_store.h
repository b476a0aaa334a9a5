// A JobStore whose calls fail on demand: either before they reach the store behind it, or after,
// when the change was made and only the reply is lost.
//
//   store.fail_before("job_insert", {ErrorCode::kUnavailable, "down"});  // The next such call.
//   store.set_down(true);                                                // All, until reset.
//
// Threads: one caller at a time, including the switches.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/intercepted_job_store.h"

namespace millrace::test {

class FaultyJobStore : public InterceptedJobStore<FaultyJobStore> {
 public:
    using InterceptedJobStore::InterceptedJobStore;

    // Each fails one call; several for the same name queue up.
    void fail_before(const std::string& call, ErrorCode code) {
        faults_[call].push_back({code, false});
    }
    void fail_after(const std::string& call, ErrorCode code) {
        faults_[call].push_back({code, true});
    }
    // While down, every call returns kUnavailable.
    void set_down(bool down) { down_ = down; }
    // Runs at the start of every call, with its name, even if the call fails.
    void on_call(std::function<void(const std::string&)> hook) { hook_ = std::move(hook); }
    // The number so far, including failed ones.
    int calls(const std::string& call) const {
        const auto found = calls_.find(call);
        return found == calls_.end() ? 0 : found->second;
    }

 private:
    friend InterceptedJobStore<FaultyJobStore>;

    struct Fault {
        ErrorCode code = ErrorCode::kUnavailable;
        bool after = false;
    };

    template <class T, class Call, class Copy>
    T intercept(const std::string& name, const Call& call, const Copy&) {
        ++calls_[name];
        if (hook_) hook_(name);
        if (down_) return Error{ErrorCode::kUnavailable, "The store is down."};
        auto& planned = faults_[name];
        if (planned.empty()) return call();
        const auto fault = planned.front();
        planned.pop_front();
        if (fault.after) (void)call();
        return Error{fault.code, "A fault of the test."};
    }

    bool down_ = false;
    std::map<std::string, std::deque<Fault>> faults_;
    std::map<std::string, int> calls_;
    std::function<void(const std::string&)> hook_;
};

}  // namespace millrace::test
