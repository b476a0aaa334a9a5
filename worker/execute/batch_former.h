// Holds claimed jobs that wait for a free slot of their backend, and forms batches of them.
//
// Jobs of one batch key wait together. A batch is formed at the moment when it starts, from the
// jobs that wait by then, the oldest first, up to its limits. worker/schedule/batch_rule.h decides
// when each key may start; of the keys that may, the one with the oldest job starts. A job whose
// last attempt was lost with its worker does not wait and runs alone, so that it cannot take other
// jobs with it.
//
// What was learned about a key outlives its jobs, for the `kRulesMax` keys used last.
//
// Threads: one caller at a time.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "worker/backends/backend.h"
#include "worker/schedule/batch_rule.h"
#include "worker/schedule/candidate.h"

namespace millrace::execute {

class BatchFormer {
 public:
    // Borrows the options.
    BatchFormer(const schedule::BatchOptions& options, const backends::BackendInfo& info);
    BatchFormer(BatchFormer&&) = delete;

    // A claimed job. `arrived` is when its message arrived, and add()'s `now` when it was claimed.
    struct Arrival {
        backends::Execution execution;
        std::string key;
        std::size_t weight = 1;
        MonoTime arrived;
    };
    void add(Arrival arrival, MonoTime now);
    // Removes a waiting job; false if it is not here any more.
    bool remove(const AttemptKey& key);

    std::size_t jobs_max() const { return limits_.jobs_max; }
    // The least number of batches that the waiting jobs make, and how many of these should start by
    // now.
    struct Batches {
        std::size_t all = 0;
        std::size_t due = 0;
    };
    Batches batches(MonoTime now) const;
    // The batches that more jobs may join.
    std::vector<schedule::OpenBatch> open(MonoTime now) const;

    struct Batch {
        std::string key;
        std::vector<backends::Execution> jobs;
    };
    // The batch that should start on a free slot by now, if there is one.
    std::optional<Batch> take(MonoTime now);
    // When take() returns a batch if no other job comes; MonoTime::max() while nothing waits.
    MonoTime next_start() const;

    // The expected duration of a batch of this key; nothing if predictions miss by more than
    // `within`.
    std::optional<std::chrono::nanoseconds> expected(const std::string& key, std::size_t jobs,
                                                     milliseconds within) const;
    // A batch left its slot. `took` is set if all its jobs completed.
    void ended(const std::string& key, std::size_t jobs,
               std::optional<std::chrono::nanoseconds> took, MonoTime now);

 private:
    struct Item {
        backends::Execution execution;
        std::size_t weight = 1;
        std::size_t bytes = 0;
        MonoTime since;
        std::uint64_t number = 0;  // In the order of arrival.
    };
    // Jobs that may run together. Never empty.
    struct Group {
        std::string key;
        bool runs_alone = false;
        std::deque<Item> items;
        std::size_t weight = 0;
        std::size_t bytes = 0;
    };
    struct Known {
        schedule::BatchRule rule;
        std::uint64_t used = 0;
    };

    Group& group_for(const std::string& key, bool runs_alone);
    bool is_full(const Group& group) const;
    MonoTime start_at(const Group& group) const;
    Batch take_from(std::size_t index);
    schedule::BatchRule& rule(const std::string& key);
    const schedule::BatchRule* find_rule(const std::string& key) const;

    const schedule::BatchOptions& options_;
    const schedule::BatchLimits limits_;
    const std::size_t slots_;
    std::vector<Group> groups_;
    std::unordered_map<std::string, Known> rules_;
    std::uint64_t numbers_ = 0;
};

}  // namespace millrace::execute
