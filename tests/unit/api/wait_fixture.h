// A server in front of a fake service, for requests that wait.
#pragma once

#include <string>

#include "tests/support/eventually.h"
#include "tests/unit/api/server_fixture.h"

namespace millrace::test {

class WaitTest : public ServerTest {
 protected:
    void await_watchers(std::size_t count) {
        EXPECT_TRUE(eventually([&] { return service_.watchers() == count; }, "watchers"));
    }
    std::string path(const JobId& id) { return "/v1/jobs/" + id.str(); }
};

}  // namespace millrace::test
