// The keys of a MemoryJobStore: what makes two submissions the same, and what can be found by it.
#include <algorithm>

#include "tests/support/memory_job_store.h"

namespace millrace::test {

using namespace storage;
using Scope = IdempotencyKey::Scope;

namespace {

std::pair<Scope, std::string> scoped_key(const NewJob& job) {
    const auto& key = *job.idempotency;
    if (key.scope != Scope::kRetry) return {key.scope, key.key};
    return {key.scope, job.retry_of.value_or(JobId()).str()};
}

}  // namespace

const MemoryDatabase::Key* MemoryJobStore::holder_of_key(const NewJob& job) const {
    if (!job.idempotency) return nullptr;
    const auto found = db_.keys_.find(scoped_key(job));
    if (found == db_.keys_.end()) return nullptr;
    const auto& key = found->second;
    if (key.job != job.id && db_.lacks(Mutation::kIdempotencyIndex)) return nullptr;
    const bool is_over = key.expires_at && *key.expires_at <= now();
    if (key.job != job.id && (is_over || job.idempotency->takes_over)) return nullptr;
    return &key;
}

void MemoryJobStore::take_key(const NewJob& job) {
    if (!job.idempotency) return;
    const auto& [key, fingerprint, scope, lifetime, takes_over] = *job.idempotency;
    std::optional<DbTime> expires_at;
    if (lifetime) expires_at = now() + *lifetime;
    db_.keys_[scoped_key(job)] = {job.id, fingerprint, expires_at};
}

JobRecord MemoryDatabase::shown(const Row& row, JobFields fields) const {
    JobRecord record = row.record;
    if (fields.input) record.input_json = row.spec.input_json;
    if (fields.output) record.output_json = row.output;
    if (fields.partial) record.partial_text = row.partial;
    if (!fields.attempts) record.attempts.clear();
    const auto retry = keys_.find({Scope::kRetry, record.id.str()});
    if (retry != keys_.end()) record.retried_by = retry->second.job;
    return record;
}

Result<std::vector<std::pair<std::string, JobId>>> MemoryJobStore::job_find(
    const std::vector<std::string>& client_ids) {
    const std::lock_guard lock(db_.mutex_);
    std::vector<std::pair<std::string, JobId>> found;
    for (const auto& client_id : client_ids) {
        const auto key = db_.keys_.find({Scope::kClientId, client_id});
        if (key != db_.keys_.end()) found.emplace_back(client_id, key->second.job);
    }
    return found;
}

// Jobs are never removed here, so keys without a lifetime stay.
Result<KeyPurge> MemoryJobStore::idempotency_purge(const KeyCursor&, std::chrono::seconds,
                                                   int page) {
    const std::lock_guard lock(db_.mutex_);
    int purged = 0;
    std::erase_if(db_.keys_, [&](const auto& entry) {
        const auto& expires_at = entry.second.expires_at;
        const bool is_over = purged < page && expires_at && *expires_at <= now();
        purged += is_over ? 1 : 0;
        return is_over;
    });
    return KeyPurge{.removed = purged, .has_more = purged >= page, .next = {}};
}

}  // namespace millrace::test
