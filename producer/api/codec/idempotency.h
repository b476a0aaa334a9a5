// Decides what makes a request a repetition of an earlier one: its key, the client id of its job,
// or its body.
//
// Threads: pure.
#pragma once

#include <optional>
#include <string_view>

#include "producer/api/codec/api_options.h"
#include "producer/api/codec/json_fields.h"
#include "producer/server/exchange.h"

namespace millrace::api::codec {

// Identifies the request by its Idempotency-Key, or, without one, by its body if an SDK says which
// attempt this is.
Decoded<std::optional<storage::IdempotencyKey>> idempotency_of(const server::Request& request,
                                                               const ApiOptions& options,
                                                               std::size_t key_size_max);

// Identifies a PUT by the id in its path.
Decoded<storage::IdempotencyKey> client_id_of(const server::Request& request);
// Whether the text can be a client id: 1 to 64 letters, digits, dots, underscores and hyphens. It
// must not begin with job_, as the service's own ids do, and must not be "." or "..".
bool is_client_id(std::string_view text);

// The problem for a key that was already used with another body.
server::Problem reused_key(const storage::IdempotencyKey& key);
// The value of the header Idempotency-Replayed.
std::string_view replayed_text(storage::IdempotencyKey::Scope scope);

}  // namespace millrace::api::codec
