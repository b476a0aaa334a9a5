// Values, and ways to corrupt their bytes, for the tests of the encodings.
#pragma once

#include <google/protobuf/message_lite.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/base/uuid.h"
#include "common/job/job.h"

namespace millrace::wire {

inline Uuid sample_uuid(std::uint8_t first) {
    Uuid uuid;
    for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
        uuid.bytes[i] = static_cast<std::uint8_t>(first + 17 * i);
    }
    return uuid;
}

inline JobId sample_job(std::uint8_t first = 1) {
    return JobId(sample_uuid(first));
}

inline JobSpec sample_spec() {
    JobSpec spec;
    spec.queue = "default";
    spec.priority = Priority::kLow;
    spec.model = "smol";
    spec.input_json = R"({"prompt":"Grüße, \u0000 and more","max_tokens":7})";
    spec.metadata_json = R"({"team":"a"})";
    spec.policy = {.execution_timeout = milliseconds(60'000),
                   .start_within = milliseconds(1'500),
                   .ttl = std::nullopt,
                   .attempts_max = 5};
    return spec;
}

// Returns the same message from a newer writer: with a field whose number is not in use.
inline std::string with_unknown_field(std::string bytes) {
    return bytes + "\xfa\x7f\x05later";  // Field 2047, length-delimited.
}

inline std::string serialize(const google::protobuf::MessageLite& message) {
    return message.SerializeAsString();
}

template <class Message>
void expect_corrupt(const Result<Message>& decoded, const char* what) {
    ASSERT_FALSE(decoded.has_value()) << what;
    EXPECT_EQ(decoded.error().code, ErrorCode::kDataCorrupt) << what;
}

}  // namespace millrace::wire
