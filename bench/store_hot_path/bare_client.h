// The least work in PostgreSQL that keeps the same promise: three tables with nothing but a key,
// and the three writes (a job, its claim, its completion with an output), each a commit, each a
// batch, on one connection with the same pinned plans.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "common/base/uuid.h"

namespace millrace::bench {

class BareClient {
 public:
    explicit BareClient(const std::string& conninfo);

    // Each aborts the program unless every row of the batch was written.
    void insert(const std::vector<JobId>& ids, const std::string& spec);
    void claim(const std::vector<JobId>& ids);
    void complete(const std::vector<JobId>& ids, const std::string& output);

    int server_pid() { return connection_.backendpid(); }

 private:
    pqxx::connection connection_;
};

}  // namespace millrace::bench
