// The databases that the suite runs against, behind one interface.
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
    // Makes everything in the database older by this much.
    virtual void pass(milliseconds time) = 0;
};

// Makes a database of the kind "postgres" or "memory".
std::unique_ptr<Database> make_database(const std::string& kind);

}  // namespace millrace::test
