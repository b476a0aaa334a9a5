#include "bench/store_hot_path/bare_client.h"

#include "common/base/check.h"
#include "common/storage/postgres/session.h"

namespace millrace::bench {
namespace {

using storage::postgres::ArrayParameter;
using storage::postgres::parameter;
using Element = ArrayParameter::Element;

constexpr auto kSchema = R"(
    DROP SCHEMA IF EXISTS bare CASCADE;
    CREATE SCHEMA bare;
    SET search_path = bare;
    CREATE TABLE jobs (id uuid PRIMARY KEY, state smallint NOT NULL, epoch bigint NOT NULL,
                       worker_id uuid) WITH (fillfactor = 60);
    CREATE TABLE specs (id uuid PRIMARY KEY, spec bytea NOT NULL);
    CREATE TABLE outputs (id uuid PRIMARY KEY, output text NOT NULL);
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET enable_bitmapscan = off; SET jit = off)";

constexpr auto kInsert = R"(
    WITH job AS (
        INSERT INTO jobs (id, state, epoch) SELECT id, 3, 0 FROM unnest($1::uuid[]) AS a (id))
    INSERT INTO specs (id, spec)
    SELECT id, spec FROM unnest($1::uuid[], $2::bytea[]) AS a (id, spec))";

constexpr auto kClaim = R"(
    UPDATE jobs j SET state = 4, epoch = j.epoch + 1, worker_id = $1::uuid
    FROM unnest($2::uuid[]) WITH ORDINALITY AS a (id, n)
    WHERE j.id = a.id AND j.state = 3
    RETURNING a.n, j.epoch)";

constexpr auto kComplete = R"(
    WITH done AS (
        UPDATE jobs j SET state = 6
        FROM unnest($2::uuid[], $3::int8[], $4::text[]) WITH ORDINALITY AS a (id, epoch, output, n)
        WHERE j.id = a.id AND j.state = 4 AND j.epoch = a.epoch AND j.worker_id = $1::uuid
        RETURNING a.n, a.id, a.output
    ), output AS (INSERT INTO outputs (id, output) SELECT id, output FROM done)
    SELECT n FROM done)";

const std::string kWorker = "00000000-0000-0000-0000-000000000001";

}  // namespace

BareClient::BareClient(const std::string& conninfo) : connection_(conninfo) {
    pqxx::nontransaction(connection_).exec(kSchema);
    connection_.prepare("insert", kInsert);
    connection_.prepare("claim", kClaim);
    connection_.prepare("complete", kComplete);
}

void BareClient::insert(const std::vector<JobId>& ids, const std::string& spec) {
    ArrayParameter specs(Element::kBytea);
    for (std::size_t i = 0; i < ids.size(); ++i) specs.add(std::string_view(spec));
    pqxx::nontransaction transaction(connection_);
    const auto written = transaction.exec_prepared(
        "insert", parameter(storage::postgres::uuid_array(ids)), parameter(specs));
    CHECK(written.affected_rows() == ids.size());
}

void BareClient::claim(const std::vector<JobId>& ids) {
    pqxx::nontransaction transaction(connection_);
    const auto claimed =
        transaction.exec_prepared("claim", kWorker, parameter(storage::postgres::uuid_array(ids)));
    CHECK(claimed.size() == ids.size());
}

void BareClient::complete(const std::vector<JobId>& ids, const std::string& output) {
    ArrayParameter epochs(Element::kInt8);
    ArrayParameter outputs(Element::kText);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        epochs.add(std::int64_t{1});
        outputs.add(std::string_view(output));
    }
    pqxx::nontransaction transaction(connection_);
    const auto done = transaction.exec_prepared("complete", kWorker,
                                                parameter(storage::postgres::uuid_array(ids)),
                                                parameter(epochs), parameter(outputs));
    CHECK(done.size() == ids.size());
}

}  // namespace millrace::bench
