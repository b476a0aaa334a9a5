// Reads a job, now or once it is final: subscribe, read, wait, read again.
//
// `answer` is called once, on the connection's thread, unless the client hangs up first. The call
// comes strictly before the requested wait is over, with the latest known state.
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
    // Counted from the arrival of the request. None: answers with the job as it is.
    std::optional<milliseconds> wait;
    // The answer if the store does not reply with more in time.
    std::optional<storage::JobRecord> known{};
};

struct JobAnswer {
    Result<storage::JobRecord> job;
    bool waited = false;  // The wait was honoured.
};

void read_job(const ApiContext& context, const ExchangePtr& exchange, JobReading reading,
              std::function<void(JobAnswer)> answer);

// The request's `Prefer: wait=N`, limited to wait_max. Nothing if it is absent or N is 0.
std::optional<milliseconds> wait_of(const Request& request, const codec::ApiOptions& options);
// The value of Preference-Applied: "wait=30", "wait=1.5".
std::string applied_text(milliseconds wait);

}  // namespace millrace::api
