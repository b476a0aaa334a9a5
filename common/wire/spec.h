// Conversion of JobSpec and Priority to and from protobuf, shared by the messages that carry them.
// Internal to the module.
#pragma once

#include "common/base/result.h"
#include "common/job/job.h"
#include "millrace/v1/job.pb.h"

namespace millrace::wire {

v1::Priority to_proto(Priority priority);
Result<Priority> from_proto(v1::Priority priority);

void to_proto(const JobSpec& spec, v1::JobSpec& out);
// Moves the texts out of `message`.
Result<JobSpec> from_proto(v1::JobSpec& message);

}  // namespace millrace::wire
