// Identifies submissions that are the same. A plain value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace millrace::storage {

// Only the first submission with a key makes a job; the answer to the others is that job.
struct IdempotencyKey {
    enum class Scope : std::uint8_t {
        kHeader,    // The client's Idempotency-Key; 1 to 255 visible ASCII characters.
        kBody,      // The hash of a body that an SDK may send again without marking it.
        kClientId,  // The id that the client gave the job.
        kRetry,     // The job that this one retries (NewJob::retry_of); needs no `key`.
    };
    std::string key;                             // Unique within its scope.
    std::array<std::uint8_t, 32> fingerprint{};  // SHA-256 of the request that it stands for.
    Scope scope = Scope::kHeader;
    std::optional<milliseconds> lifetime;  // Empty: as long as its job exists.
    bool takes_over = false;               // Makes a job in any case; the key then leads to it.
};

}  // namespace millrace::storage
