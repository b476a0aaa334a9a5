#include "tests/support/postgres_fixture.h"

#include <fmt/format.h>
#include <unistd.h>

namespace millrace::test {
namespace {

using embedded::PrivatePostgres;
using process::TemporaryDirectory;

// A directory in which the server's user can create its own.
TemporaryDirectory make_directory() {
    const auto user = ::geteuid() == 0 ? process::find_user("postgres") : std::nullopt;
    return TemporaryDirectory::make("millrace-test-", user).value();
}

struct SharedCluster {
    TemporaryDirectory directory = make_directory();
    std::unique_ptr<PrivatePostgres> server =
        PrivatePostgres::start({.data_dir = directory.path() / "pg", .fsync = false}).value();
    int databases = 0;
};

SharedCluster& shared_cluster() {
    static SharedCluster cluster;  // Started by the first test that needs it, stopped at exit.
    return cluster;
}

}  // namespace

PostgresFixture::PostgresFixture(const std::string& source) {
    SharedCluster& cluster = shared_cluster();
    database_ = fmt::format("test_{}", ++cluster.databases);
    cluster.server->create_database(database_, source).value();
}

PostgresFixture::~PostgresFixture() {
    // If the database cannot be dropped, it is removed with the cluster.
    static_cast<void>(shared_cluster().server->drop_database(database_));
}

std::string PostgresFixture::conninfo() const {
    return shared_cluster().server->conninfo(database_);
}

PostgresServerFixture::PostgresServerFixture(embedded::PostgresOptions options)
    : directory_(make_directory()) {
    if (options.data_dir.empty()) options.data_dir = directory_.path() / "pg";
    server_ = PrivatePostgres::start(std::move(options)).value();
}

}  // namespace millrace::test
