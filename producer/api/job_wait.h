// Reading a job, now or when it is final: subscribe, read, wait, read again.
//
// The answer is called once, on the connection's thread, unless the client hangs up first. It comes
// strictly before the wait that the client asked for is over, with the latest state that is known.
//
// Threads: the connection's.
#pragma once

#include <functional>
#include <optional>

#include "producer/api/routes.h"

namespace millrace::api {

struct JobReading {
    JobId id;
    storage::JobFields fields;
    // Since the request arrived; none: answers with the job as it is.
    std::optional<milliseconds> wait;
    // What to answer where the store does not tell more in time.
    std::optional<storage::JobRecord> known{};
};

struct JobAnswer {
    Result<storage::JobRecord> job;
    bool waited = false;  // The wait was honoured.
};

void read_job(const ApiContext& context, const ExchangePtr& exchange, JobReading reading,
              std::function<void(JobAnswer)> answer);

// The request's `Prefer: wait=N`, at most wait_max; nothing where it has none or N is 0.
std::optional<milliseconds> wait_of(const Request& request, const ApiOptions& options);
// Its Preference-Applied: "wait=30", "wait=1.5".
std::string applied_text(milliseconds wait);

}  // namespace millrace::api
