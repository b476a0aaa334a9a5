// What makes a request the same as an earlier one: its key, the id that it gives its job, or its
// body.
//
// Threads: pure.
#pragma once

#include <optional>
#include <string_view>

#include "producer/api/api_options.h"
#include "producer/api/exchange.h"
#include "producer/api/json_fields.h"
#include "producer/intake/job_service.h"

namespace millrace::api {

// By its Idempotency-Key; without one by its body, where an SDK says which try it is.
Decoded<std::optional<storage::IdempotencyKey>> idempotency_of(const Request& request,
                                                               const ApiOptions& options,
                                                               std::size_t key_size_max);

// Of PUT: the id in the path.
Decoded<storage::IdempotencyKey> client_id_of(const Request& request);
// 1 to 64 letters, digits, dots, underscores and hyphens, and not like the ids of the service.
bool is_client_id(std::string_view text);

// The key was known for another body.
Problem reused_key(const storage::IdempotencyKey& key);
// Of the header Idempotency-Replayed.
std::string_view replayed_text(storage::IdempotencyKey::Scope scope);

}  // namespace millrace::api
