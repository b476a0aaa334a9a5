// The databases that the suite runs against, behind one face.
#pragma once

#include <memory>
#include <string>

#include "common/storage/job_store.h"

namespace millrace::test {

// A fresh, empty database that all stores of one test share.
class Database {
 public:
    virtual ~Database() = default;

    virtual std::unique_ptr<storage::JobStore> open() = 0;
    // For everything in the database that much time goes by at once.
    virtual void pass(milliseconds time) = 0;
};

// "postgres" or "memory".
std::unique_ptr<Database> make_database(const std::string& kind);

}  // namespace millrace::test
