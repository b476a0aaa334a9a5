#include "common/wire/spec.h"

#include <utility>

#include "common/wire/convert.h"
#include "common/wire/messages.h"

namespace millrace::wire {

v1::Priority to_proto(Priority priority) {
    switch (priority) {
        case Priority::kHigh:
            return v1::PRIORITY_HIGH;
        case Priority::kNormal:
            return v1::PRIORITY_NORMAL;
        case Priority::kLow:
            return v1::PRIORITY_LOW;
    }
    return v1::PRIORITY_UNSPECIFIED;
}

Result<Priority> from_proto(v1::Priority priority) {
    switch (priority) {
        case v1::PRIORITY_HIGH:
            return Priority::kHigh;
        case v1::PRIORITY_NORMAL:
            return Priority::kNormal;
        case v1::PRIORITY_LOW:
            return Priority::kLow;
        default:
            return corrupt("priority " + std::to_string(static_cast<int>(priority)));
    }
}

namespace {

std::uint64_t to_proto(milliseconds duration) {
    return static_cast<std::uint64_t>(duration.count());
}

Result<milliseconds> duration_from(std::uint64_t ms, const char* name) {
    TRY(const auto count, signed_from<milliseconds::rep>(ms, name));
    return milliseconds(count);
}

Result<std::optional<milliseconds>> limit_from(std::uint64_t ms, const char* name) {
    if (ms == 0) return std::optional<milliseconds>();
    TRY(const auto limit, duration_from(ms, name));
    return std::optional(limit);
}

Result<JobPolicy> from_proto(const v1::JobPolicy& message) {
    JobPolicy policy;
    TRY(policy.execution_timeout,
        duration_from(message.execution_timeout_ms(), "execution_timeout_ms"));
    TRY(policy.start_within, limit_from(message.start_within_ms(), "start_within_ms"));
    TRY(policy.ttl, limit_from(message.ttl_ms(), "ttl_ms"));
    TRY(policy.attempts_max, signed_from<int>(message.attempts_max(), "attempts_max"));
    return policy;
}

}  // namespace

void to_proto(const JobSpec& spec, v1::JobSpec& out) {
    out.set_queue(spec.queue);
    out.set_priority(to_proto(spec.priority));
    out.set_model(spec.model);
    out.set_input_json(spec.input_json);
    out.set_metadata_json(spec.metadata_json);
    auto& policy = *out.mutable_policy();
    policy.set_execution_timeout_ms(to_proto(spec.policy.execution_timeout));
    policy.set_start_within_ms(to_proto(spec.policy.start_within.value_or(milliseconds(0))));
    policy.set_ttl_ms(to_proto(spec.policy.ttl.value_or(milliseconds(0))));
    policy.set_attempts_max(static_cast<std::uint32_t>(spec.policy.attempts_max));
}

Result<JobSpec> from_proto(v1::JobSpec& message) {
    JobSpec spec;
    TRY(spec.priority, from_proto(message.priority()));
    TRY(spec.policy, from_proto(message.policy()));
    spec.queue = std::move(*message.mutable_queue());
    spec.model = std::move(*message.mutable_model());
    spec.input_json = std::move(*message.mutable_input_json());
    spec.metadata_json = std::move(*message.mutable_metadata_json());
    return spec;
}

std::string encode_spec(const JobSpec& spec) {
    v1::JobSpec message;
    to_proto(spec, message);
    return message.SerializeAsString();
}

Result<JobSpec> decode_spec(std::string_view bytes) {
    TRY(auto message, parse<v1::JobSpec>(bytes, "JobSpec"));
    return from_proto(message);
}

}  // namespace millrace::wire
