#include "producer/api/codec/idempotency.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>

#include "producer/server/header_values.h"

namespace millrace::api::codec {

using server::parse_idempotency_key;
using server::Problem;
using server::ProblemCode;
using server::Request;

namespace {

using storage::IdempotencyKey;
using Scope = IdempotencyKey::Scope;

// An SDK sends again once its own timeout is over, after a pause.
constexpr std::chrono::minutes kSdkPause{2};
constexpr std::chrono::hours kSdkTimeoutMax{24};

std::optional<std::int64_t> parse_digits(std::string_view text) {
    std::int64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc() || result.ptr != end || value < 0) return std::nullopt;
    return value;
}

std::array<std::uint8_t, 32> fingerprint_of(const Request& request) {
    std::array<std::uint8_t, 32> fingerprint{};
    SHA256(reinterpret_cast<const unsigned char*>(request.body.data()), request.body.size(),
           fingerprint.data());
    return fingerprint;
}

milliseconds sdk_timeout(const Request& request, const ApiOptions& options) {
    // The value is "600" or "600.0".
    const auto seconds = parse_digits(request.sdk_timeout.substr(0, request.sdk_timeout.find('.')));
    if (!seconds || *seconds > std::chrono::seconds(kSdkTimeoutMax).count()) {
        return options.sdk_timeout;
    }
    return std::chrono::seconds(*seconds);
}

// OpenAI's SDKs repeat a POST whose answer was lost: without a key, but with the number of the
// attempt. A first attempt is remembered by its body and always creates a job, because a client
// that sends the same body again by itself means another job.
std::optional<IdempotencyKey> body_key(const Request& request, const ApiOptions& options) {
    if (request.retry_count.empty() || !options.sdk_retries) return std::nullopt;
    const auto count = parse_digits(request.retry_count);
    if (!count) return std::nullopt;
    const auto fingerprint = fingerprint_of(request);
    return IdempotencyKey{.key = fmt::format("{:02x}", fmt::join(fingerprint, "")),
                          .fingerprint = fingerprint,
                          .scope = Scope::kBody,
                          .lifetime = sdk_timeout(request, options) + kSdkPause,
                          .takes_over = *count == 0};
}

}  // namespace

Decoded<std::optional<IdempotencyKey>> idempotency_of(const Request& request,
                                                      const ApiOptions& options,
                                                      std::size_t key_size_max) {
    if (request.idempotency_key.empty()) return body_key(request, options);
    auto key = parse_idempotency_key(request.idempotency_key, key_size_max);
    if (!key) {
        return Problem{
            ProblemCode::kInvalidIdempotencyKey,
            fmt::format("Send 1 to {} visible ASCII characters, bare or in double quotes.",
                        key_size_max),
            "Idempotency-Key"};
    }
    return std::optional(IdempotencyKey{.key = *std::move(key),
                                        .fingerprint = fingerprint_of(request),
                                        .lifetime = options.idempotency_ttl});
}

Decoded<IdempotencyKey> client_id_of(const Request& request) {
    if (!is_client_id(request.path_id)) {
        return Problem{
            ProblemCode::kInvalidClientId,
            fmt::format(
                "\"{}\" cannot be a job's id; send 1 to 64 letters, digits, '.', '_' or '-'. It "
                "must not begin with job_, nor be '.' or '..', because clients remove these from "
                "a path.",
                shown(request.path_id)),
            "id"};
    }
    return IdempotencyKey{
        .key = request.path_id, .fingerprint = fingerprint_of(request), .scope = Scope::kClientId};
}

bool is_client_id(std::string_view text) {
    constexpr std::size_t kSizeMax = 64;
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    };
    // Path segments with a special meaning (RFC 3986, 5.2.4): no client could request the job.
    const bool is_place = text == "." || text == "..";
    return !text.empty() && text.size() <= kSizeMax && !text.starts_with("job_") && !is_place &&
           std::ranges::all_of(text, allowed);
}

Problem reused_key(const IdempotencyKey& key) {
    if (key.scope == Scope::kClientId) {
        return {ProblemCode::kIdempotencyKeyReused,
                "This id already belongs to a job with another body; use a new id for a new job.",
                "id"};
    }
    return {ProblemCode::kIdempotencyKeyReused,
            "This Idempotency-Key was sent before with another body; use a new key for a new job.",
            "Idempotency-Key"};
}

std::string_view replayed_text(Scope scope) {
    return scope == Scope::kBody ? "heuristic" : "true";
}

}  // namespace millrace::api::codec
