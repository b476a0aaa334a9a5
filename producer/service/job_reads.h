// Reads single jobs.
//
// Threads: see callback.h.
// Errors:  kNotFound; kUnavailable, kResourceExhausted (a bounded queue is full): try again.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/storage/records.h"
#include "producer/service/callback.h"

namespace millrace::service {

class JobReads {
 public:
    virtual ~JobReads() = default;

    virtual void get(JobId id, storage::JobFields fields,
                     Callback<Result<storage::JobRecord>> done) = 0;
    // Finds the job with this client id.
    virtual void find(std::string client_id, Callback<Result<JobId>> done) = 0;
};

}  // namespace millrace::service
