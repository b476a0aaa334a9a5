// What makes two submissions the same. A plain value.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace millrace::storage {

// Of submissions that share a key only the first makes a job; the others are answered with it.
struct IdempotencyKey {
    enum class Scope : std::uint8_t {
        kHeader,    // An Idempotency-Key as the client sent it; 1 to 255 visible ASCII.
        kBody,      // The hash of a body that an SDK may send again without saying so.
        kClientId,  // The id that the client gave the job.
        kRetry,     // The job that this one retries (NewJob::retry_of); needs no `key`.
    };
    std::string key;                             // Unique within its scope.
    std::array<std::uint8_t, 32> fingerprint{};  // SHA-256 of the request it stands for.
    Scope scope = Scope::kHeader;
    std::optional<milliseconds> lifetime;  // Empty: as long as its job exists.
    bool takes_over = false;               // Makes a job in any case; the key leads to it then.
};

}  // namespace millrace::storage
