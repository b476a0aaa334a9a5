#include "producer/keeper/chores.h"

#include <utility>

namespace millrace::keeper {

namespace {

constexpr milliseconds kPurgeInterval = std::chrono::minutes(1);
constexpr milliseconds kRotateInterval = std::chrono::hours(1);
// After a failure, or when others were in the way.
constexpr milliseconds kRetryMin = std::chrono::seconds(1);
constexpr milliseconds kRetryMax = std::chrono::minutes(1);
// A wrong clock may be corrected within this time; then nothing has been lost by it.
constexpr milliseconds kSteadyFor = std::chrono::hours(1);

}  // namespace

Chores::Chores(KeeperOptions options, const Clock& clock, Random& random, storage::JobStore& store,
               AgesAreRight ages_are_right)
    : options_(options),
      store_(store),
      ages_are_right_(std::move(ages_are_right)),
      duties_({kRetryMin, kRetryMax}, clock, random) {
    const auto page = options_.page;
    duties_.add({"partitions", kRotateInterval, true, [this] { return rotate(); }});
    duties_.add({"idempotency", kPurgeInterval, true, [this] { return purge_keys(); }});
    duties_.add({"workers", kPurgeInterval, true, [=, this] {
                     return purged(store_.worker_purge(options_.worker_retention, page));
                 }});
    duties_.add({"partials", kRotateInterval, false,
                 [=, this] { return purged(store_.partial_purge(page)); }});
}

bool Chores::step() {
    return duties_.step(ages_are_right_(kSteadyFor));
}

Result<Work> Chores::purged(Result<int> rows) const {
    if (!rows) return rows.error();
    return Work{.rows = static_cast<std::size_t>(*rows), .more = *rows >= options_.page};
}

Result<Work> Chores::purge_keys() {
    TRY(const auto purge,
        store_.idempotency_purge(keys_, options_.partitions.retention, options_.page));
    keys_ = purge.next;
    return Work{.rows = static_cast<std::size_t>(purge.removed), .more = purge.has_more};
}

Result<Work> Chores::rotate() {
    using Kind = storage::RotationStep::Kind;
    TRY(const auto step, store_.partition_rotate(options_.partitions));
    return Work{.rows = static_cast<std::size_t>(step.rows),
                .more = step.kind == Kind::kDone,
                .busy = step.kind == Kind::kBusy};
}

}  // namespace millrace::keeper
