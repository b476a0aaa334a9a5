// Every statement of sql/: it has a header, it can be prepared, and its plan uses the indexes that
// the header names.
#include "common/storage/postgres/statements.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/integration/storage/postgres_test.h"

namespace millrace::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class Statements : public PostgresTest {
 protected:
    Statements() : connection_(connect()), transaction_(connection_) {
        // The settings of a store's session: see session.cc.
        transaction_.exec(
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
            "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; "
            "SET enable_memoize = off");
        measure_while_empty();
    }

    // Analyzes as if every queue had just been empty: a plan that rests on such statistics reads
    // all jobs for each batch once the queues are full again.
    void measure_while_empty() {
        transaction_.exec(
            "INSERT INTO jobs_open (id, timeout_ms, attempts_max, queue_id, priority, state, "
            "queued_at, model) SELECT gen_random_uuid(), 1000, 1, 1, 1, 3, now(), 'm' "
            "FROM generate_series(1, 5000)");
        transaction_.exec(
            "INSERT INTO job_partials (id, epoch, sequence, text) SELECT id, 1, 1, 't' "
            "FROM jobs_open");
        transaction_.exec("DELETE FROM jobs_open; DELETE FROM job_partials; ANALYZE");
    }

    std::string plan(std::string_view name, std::string_view text) {
        transaction_.exec(fmt::format("PREPARE \"{}\" AS {}", name, text));
        // Ids lie between the bounds, so that no partition is ruled out; everything else may be
        // null.
        static const std::regex placeholder(R"(\$(\d+)::(uuid\b(?!\[))?)");
        const std::string all(text);
        std::map<int, std::string> arguments;
        for (std::sregex_iterator it(all.begin(), all.end(), placeholder), end; it != end; ++it) {
            auto& argument = arguments[std::stoi((*it)[1])];
            argument = (*it)[2].matched ? "'80000000-0000-0000-0000-000000000000'" : "NULL";
        }
        std::string list;
        for (const auto& [number, argument] : arguments) {
            list += (number == 1 ? "(" : ", ") + argument;
        }
        if (!list.empty()) list += ")";
        std::string lines;
        for (const auto& row :
             transaction_.exec(fmt::format("EXPLAIN (COSTS OFF) EXECUTE \"{}\"{}", name, list))) {
            lines += std::string(row[0].c_str()) + "\n";
        }
        return lines;
    }

    // Inserts jobs of two days: ended ones, and the last tenth still open.
    void fill(int jobs) {
        transaction_.exec(fmt::format(
            "CREATE TEMP TABLE made AS SELECT n, uuid_floor(now() - n * interval '1 s') AS id "
            "FROM generate_series(1, {}) AS n",
            jobs));
        transaction_.exec(
            "INSERT INTO job_specs (id, spec, metadata) SELECT id, '', '{\"run\": \"1\"}' FROM "
            "made");
        transaction_.exec(fmt::format(
            "INSERT INTO jobs_open (id, timeout_ms, attempts_max, queue_id, priority, state, "
            "queued_at, model) SELECT id, 1000, 1, 1, 1, 3, now(), 'm' FROM made WHERE n > {}",
            jobs - jobs / 10));
        transaction_.exec(fmt::format(
            "INSERT INTO jobs_final (id, epoch, created_at, finished_at, attempt, failures, "
            "interruptions, attempts_max, queue_id, priority, state, model, output) "
            "SELECT id, 1, now(), now(), 1, 0, 0, 1, 1, 1, 6, 'm', '1' FROM made WHERE n <= {}",
            jobs - jobs / 10));
    }

    // Queues jobs for one model in one lane of queue 1, and gives others their time to start or to
    // run: none is due. Queue 2 has no job.
    void fill_a_lane(int jobs) {
        transaction_.exec(
            "INSERT INTO queues (name) SELECT 'q' || n FROM generate_series(1, 2) AS n "
            "ON CONFLICT DO NOTHING");
        transaction_.exec(fmt::format(
            "INSERT INTO jobs_open (id, timeout_ms, attempts_max, queue_id, priority, state, "
            "queued_at, run_at, claim_by, model) "
            "SELECT uuid_floor(now() - ({0} - n) * interval '1 ms'), 1000, 1, 1, 1, "
            "CASE n % 10 WHEN 1 THEN 1 ELSE 3 END, now() - ({0} - n) * interval '1 ms', "
            "CASE n % 10 WHEN 1 THEN now() + interval '1 day' END, "
            "CASE n % 10 WHEN 2 THEN now() + interval '1 day' END, 'busy' "
            "FROM generate_series(1, {0}) AS n",
            jobs));
        transaction_.exec(
            "INSERT INTO workers (id, pid, slots, name, host, queues, models) "
            "VALUES ('80000000-0000-0000-0000-000000000000', 1, 1, '', '', '{}', '{}')");
    }

    // Returns the pages that a statement reads.
    std::int64_t pages_read(std::string_view name, const std::string& arguments) {
        transaction_.exec(fmt::format("PREPARE \"{}\" AS {}", name, statements().at(name)));
        // The first time, it also reads the catalog.
        std::int64_t pages = 0;
        for (int i = 0; i < 2; ++i) {
            transaction_.exec("SAVEPOINT before");
            const auto plan = nlohmann::json::parse(
                transaction_
                    .exec(fmt::format("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE \"{}\"({})",
                                      name, arguments))[0][0]
                    .c_str())[0]["Plan"];
            transaction_.exec("ROLLBACK TO before");
            pages = plan.value("Shared Hit Blocks", 0) + plan.value("Shared Read Blocks", 0);
        }
        return pages;
    }

    // Returns the rows that the scans of a statement read, by PostgreSQL's count.
    std::int64_t rows_read(std::string_view name, const std::string& arguments) {
        transaction_.exec(fmt::format("PREPARE \"{}\" AS {}", name, statements().at(name)));
        const auto plan = transaction_.exec(
            fmt::format("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE \"{}\"({})", name, arguments));
        return rows_of(nlohmann::json::parse(plan[0][0].c_str())[0]["Plan"]);
    }
    static std::int64_t rows_of(const nlohmann::json& node) {
        std::int64_t rows = 0;
        if (node.value("Node Type", "").find("Scan") != std::string::npos) {
            const auto each = node.value("Actual Rows", 0.0) +
                              node.value("Rows Removed by Filter", 0.0) +
                              node.value("Rows Removed by Index Recheck", 0.0);
            rows += static_cast<std::int64_t>(each * node.value("Actual Loops", 1.0));
        }
        for (const auto& child : node.value("Plans", nlohmann::json::array())) {
            rows += rows_of(child);
        }
        return rows;
    }

    // The arguments of a statement with a filter (parts/job_filter.sql), between two ids.
    static constexpr auto* kFirst = "00000000-0000-0000-0000-000000000000";
    static constexpr auto* kLast = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    static std::string of_list(const std::string& states, const std::string& errors,
                               const std::string& lower, const std::string& upper,
                               const std::string& more) {
        return fmt::format(
            "'{}', '{{}}', '{{}}', '{{}}', '{{}}', NULL, NULL, '{}', false, '{}', '{}', {}", states,
            errors, lower, upper, more);
    }

    pqxx::connection connection_;
    pqxx::nontransaction transaction_;
};

std::string header_of(std::string_view text) {
    std::string header;
    while (text.starts_with("--")) {
        const auto line = text.substr(0, text.find('\n'));
        header += std::string(line.substr(2));
        text.remove_prefix(line.size() + 1);
    }
    return header;
}

// Returns the names after "Index:" or "Indexes:"; a star stands for the rest of a partition's name.
std::vector<std::string> indexes_of(const std::string& header) {
    static const std::regex list_pattern(R"(Index(?:es)?: ([a-z_*]+(?:, [a-z_*]+)*))");
    static const std::regex name_pattern(R"([a-z_*]+)");
    std::vector<std::string> names;
    std::smatch list;
    if (!std::regex_search(header, list, list_pattern)) return names;
    const std::string text = list[1];
    for (std::sregex_iterator it(text.begin(), text.end(), name_pattern), end; it != end; ++it) {
        names.push_back(std::regex_replace(it->str(), std::regex(R"(\*)"), "[a-z0-9_]+"));
    }
    return names;
}

// However long the backlog of one lane is, and whenever the tables were analyzed, whoever looks for
// the first job of another lane or model, or for the first whose time has come, finds it at once.
// MILLRACE_BACKLOG sets the number of jobs: `make soak` tries three million.
TEST_F(Statements, ThatLookForTheFirstReadNoBacklog) {
    const auto* backlog = std::getenv("MILLRACE_BACKLOG");
    fill_a_lane(backlog == nullptr ? 100'000 : std::stoi(backlog));
    const auto steal = [](int queue, int priority, const char* model) {
        return fmt::format(
            "'80000000-0000-0000-0000-000000000000', {}, {}, '{}', 0, 0, 10, 1000000", queue,
            priority, model);
    };
    const std::vector<std::pair<const char*, std::string>> cases{
        {"job_steal", steal(1, 1, "busy")}, {"job_steal", steal(1, 1, "other")},
        {"job_steal", steal(1, 0, "busy")}, {"job_steal", steal(1, 2, "busy")},
        {"job_steal", steal(2, 1, "busy")}, {"lane_ages", "1000"},
        {"keeper_release", "10"},           {"keeper_expire", "10"}};
    for (const bool analyzed : {false, true}) {
        if (analyzed) transaction_.exec("ANALYZE");
        for (const auto& [name, arguments] : cases) {
            transaction_.exec("BEGIN");
            EXPECT_LT(pages_read(name, arguments), 400)
                << name << "(" << arguments << (analyzed ? "), analyzed" : ")");
            transaction_.exec(fmt::format("ROLLBACK; DEALLOCATE \"{}\"", name));
        }
    }
    // What was counted is counted exactly up to a bound, and estimated beyond.
    transaction_.exec("BEGIN");
    EXPECT_LT(pages_read("lane_stats", "1000, 1000"), 4000);
    transaction_.exec("ROLLBACK; DEALLOCATE \"lane_stats\"");
    const auto lane = transaction_.exec_params(
        "SELECT lane_estimate(1::int2, 1::int2, 3::int2)::float8 / "
        "(SELECT count(*) FROM jobs_open WHERE is_queued)")[0][0];
    EXPECT_NEAR(lane.as<double>(), 1, 0.1);
}

TEST_F(Statements, SayWhatTheyAreFor) {
    for (const auto& [name, text] : statements()) EXPECT_TRUE(text.starts_with("-- ")) << name;
}

TEST_F(Statements, UseTheIndexesThatTheyName) {
    for (const auto& [name, text] : statements()) {
        SCOPED_TRACE(name);
        const auto lines = plan(name, text);
        for (const auto& index : indexes_of(header_of(text)))
            EXPECT_THAT(lines, ContainsRegex(index));
    }
}

// Reading an index from its start to its end is no better than reading the table. Checkpoints may
// be scanned, because they are few.
TEST_F(Statements, NeverReadAllJobs) {
    static const std::regex whole_index(
        R"(using (?:job\w*)_pkey[^\n]*\n *(?! )(?!Index Cond)[^\n]*)");
    for (const auto& [name, text] : statements()) {
        if (name == "partial_purge") continue;
        SCOPED_TRACE(name);
        const auto lines = plan(name, text);
        EXPECT_THAT(lines, Not(HasSubstr("Seq Scan on job")));
        std::smatch whole;
        EXPECT_FALSE(std::regex_search(lines, whole, whole_index)) << whole.str();
    }
}

// A page costs no more than a look, whether it is the first, the last, or lies where the open jobs
// begin.
TEST_F(Statements, ForAListReadOnlyAPage) {
    constexpr int kJobs = 20000;
    fill(kJobs);
    transaction_.exec("ANALYZE");
    const auto page_after = [this](const std::string& name, const std::string& id) {
        const auto rows =
            rows_read(name, name == "job_list_newest" ? of_list("{}", "{}", kFirst, id, "2000, 21")
                                                      : of_list("{}", "{}", id, kLast, "2000, 21"));
        transaction_.exec(fmt::format("DEALLOCATE \"{}\"", name));
        return rows;
    };
    const auto id_of = [this](int n) -> std::string {
        return transaction_.exec(fmt::format("SELECT id FROM made WHERE n = {}", n))[0][0].c_str();
    };
    for (const auto* name : {"job_list_newest", "job_list_oldest"}) {
        for (const int n : {30, kJobs / 2, kJobs - kJobs / 10, kJobs - 30}) {
            EXPECT_LT(page_after(name, id_of(n)), 2400) << name << " after " << n;
        }
    }
}

// If no job matches, the look ends at its bound and returns where it ended.
TEST_F(Statements, ForAListAndACountExamineABoundedNumberOfJobs) {
    fill(20000);
    transaction_.exec("ANALYZE");
    const auto rows = [this](const char* name, const char* more) {
        return rows_read(name, fmt::format("'{{}}', '{{}}', '{{}}', '{{nobodys}}', '{{}}', NULL, "
                                           "NULL, '{{}}', false, '{}', '{}', {}",
                                           kFirst, kLast, more));
    };
    EXPECT_LT(rows("job_list_newest", "500, 21"), 6000);
    EXPECT_LT(rows("job_list_oldest", "500, 21"), 6000);
    EXPECT_LT(rows("job_count", "500"), 6000);
}

// Jobs that few others are like: the planner must not think of an index of all jobs, neither when
// the tables are empty nor when it knows them.
TEST_F(Statements, OfAListFindRareStatesAndErrorsWithoutALookAtTheOthers) {
    for (const bool is_analyzed : {false, true}) {
        if (is_analyzed) {
            fill(20000);
            transaction_.exec(
                "UPDATE jobs_final SET state = 7, error_code = 'rare', output = NULL WHERE id IN "
                "(SELECT id FROM made WHERE n IN (10, 10000))");
            transaction_.exec(
                "UPDATE jobs_open SET state = 1, run_at = now() + interval '1 h', "
                "error_code = 'rare' WHERE id IN (SELECT id FROM made WHERE n = 19000)");
            transaction_.exec("ANALYZE");
        }
        for (const auto* name : {"job_list_newest", "job_list_oldest"}) {
            for (const auto* states : {"{1}", "{4,5}", "{1,4}", "{7}", "{7,8,9}"}) {
                EXPECT_LT(rows_read(name, of_list(states, "{}", kFirst, kLast, "2000, 21")), 100)
                    << name << " " << states;
                transaction_.exec(fmt::format("DEALLOCATE \"{}\"", name));
            }
            EXPECT_LT(rows_read(name, of_list("{}", "{rare}", kFirst, kLast, "2000, 21")), 100)
                << name;
            transaction_.exec(fmt::format("DEALLOCATE \"{}\"", name));
        }
        EXPECT_LT(
            rows_read("job_cancel_matching", of_list("{1,4}", "{}", kFirst, kLast, "2000, 100")),
            100);
        transaction_.exec("DEALLOCATE \"job_cancel_matching\"");
    }
}

// A request for open jobs only does not pay for those that ended, and the other way round.
TEST_F(Statements, OfAListSkipTheTableThatTheStatesRuleOut) {
    fill(5000);
    transaction_.exec("ANALYZE");
    EXPECT_LT(rows_read("job_list_newest", of_list("{3}", "{}", kFirst, kLast, "200, 21")), 400);
    EXPECT_LT(rows_read("job_list_oldest", of_list("{6}", "{}", kFirst, kLast, "200, 21")), 400);
}

// An index of all active jobs of a worker, or of all queued jobs, is a bad way to one of them: a
// batch would read it once for each job.
TEST_F(Statements, OnTheHotPathFindJobsById) {
    for (const auto* name : {"job_claim", "job_complete", "job_settle"}) {
        SCOPED_TRACE(name);
        const auto lines = plan(name, statements().at(name));
        EXPECT_THAT(lines, HasSubstr("jobs_open_pkey"));
        for (const auto* index : {"jobs_open_active", "jobs_open_queued", "jobs_open_claim_by"}) {
            EXPECT_THAT(lines, Not(HasSubstr(index)));
        }
    }
}

}  // namespace
}  // namespace millrace::test
