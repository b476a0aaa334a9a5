// Every statement of sql/: it has a header, it can be prepared, and its plan uses the indexes that
// the header names.
#include "common/storage/postgres/statements.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <regex>

#include "tests/integration/storage/postgres_test.h"

namespace millrace::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Statements : public PostgresTest {
 protected:
    Statements() : connection_(connect()), transaction_(connection_) {
        // As stores do: session.cc.
        transaction_.exec(
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
            "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; "
            "SET enable_memoize = off");
        measure_while_empty();
    }

    // As if statistics had been taken in the minute in which every queue was empty: a plan that
    // rests on them reads all jobs for each batch once the queues are full again.
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
        // Ids lie between the bounds, so that no partition is ruled out; all else may be null.
        static const std::regex kParameter(R"(\$(\d+)::(uuid\b(?!\[))?)");
        const std::string all(text);
        std::map<int, std::string> arguments;
        for (std::sregex_iterator it(all.begin(), all.end(), kParameter), end; it != end; ++it) {
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

// Names after "Index:" or "Indexes:"; a star stands for the name of a partition.
std::vector<std::string> indexes_of(const std::string& header) {
    static const std::regex kList(R"(Index(?:es)?: ([a-z_*]+(?:, [a-z_*]+)*))");
    static const std::regex kName(R"([a-z_*]+)");
    std::vector<std::string> names;
    std::smatch list;
    if (!std::regex_search(header, list, kList)) return names;
    const std::string text = list[1];
    for (std::sregex_iterator it(text.begin(), text.end(), kName), end; it != end; ++it) {
        names.push_back(std::regex_replace(it->str(), std::regex(R"(\*)"), "default"));
    }
    return names;
}

TEST_F(Statements, SayWhatTheyAreFor) {
    for (const auto& [name, text] : statements()) EXPECT_TRUE(text.starts_with("-- ")) << name;
}

TEST_F(Statements, UseTheIndexesThatTheyName) {
    for (const auto& [name, text] : statements()) {
        SCOPED_TRACE(name);
        const auto lines = plan(name, text);
        for (const auto& index : indexes_of(header_of(text))) EXPECT_THAT(lines, HasSubstr(index));
    }
}

// Reading an index from its start to its end is no better than reading the table. A count of jobs
// has to look at them, and the checkpoints are looked through, being few.
TEST_F(Statements, NeverReadAllJobs) {
    static const std::regex kWholeIndex(
        R"(using (?:jobs_open|job_partials)_pkey[^\n]*\n *(?! )(?!Index Cond)[^\n]*)");
    for (const auto& [name, text] : statements()) {
        if (name == "job_count" || name == "partial_purge") continue;
        SCOPED_TRACE(name);
        const auto lines = plan(name, text);
        EXPECT_THAT(lines, Not(HasSubstr("Seq Scan on job")));
        std::smatch whole;
        EXPECT_FALSE(std::regex_search(lines, whole, kWholeIndex)) << whole.str();
    }
}

// An index of all active jobs of a worker, or of all queued jobs, is a bad way to one of them: with
// a batch it would be read once for each job.
TEST_F(Statements, OfTheHotPathGoToJobsById) {
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
