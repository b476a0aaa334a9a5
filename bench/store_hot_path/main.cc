// What the store's three writes cost, beside a bare client that keeps the same promise with the
// least work in PostgreSQL: one writer each, in turns on one private server with fsync, with 300
// bytes of spec and 200 of output a job.
//
// Times are only meaningful as a ratio, because disks and neighbours differ from minute to minute;
// the server's processor time a job is steadier.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <functional>
#include <sstream>

#include "bench/store_hot_path/bare_client.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/embedded/private_postgres.h"
#include "common/storage/postgres/migrate.h"
#include "common/storage/postgres/postgres_job_store.h"
#include "common/wire/messages.h"
#include "tests/support/new_job.h"

namespace millrace::bench {
namespace {

using namespace storage;
using Clock = std::chrono::steady_clock;

constexpr int kRuns = 5;
constexpr int kBatchesAhead = 10;  // Jobs wait a while before they are claimed.
const std::string kSpecText(280, 's');
const std::string kOutput = '"' + std::string(198, 'o') + '"';

struct Load {
    std::size_t batch;
    int cycles;
};
constexpr Load kLoads[] = {{1, 1000}, {32, 500}, {100, 300}, {500, 150}};

// One client that makes the three writes.
class Subject {
 public:
    virtual ~Subject() = default;
    virtual void insert(const std::vector<JobId>& ids) = 0;
    virtual void claim(const std::vector<JobId>& ids) = 0;
    virtual void complete(const std::vector<JobId>& ids) = 0;
    virtual int server_pid() = 0;
};

class Bare : public Subject {
 public:
    explicit Bare(const std::string& conninfo) : client_(conninfo) {}

    void insert(const std::vector<JobId>& ids) override { client_.insert(ids, kSpecText); }
    void claim(const std::vector<JobId>& ids) override { client_.claim(ids); }
    void complete(const std::vector<JobId>& ids) override { client_.complete(ids, kOutput); }
    int server_pid() override { return client_.server_pid(); }

 private:
    BareClient client_;
};

class Store : public Subject {
 public:
    explicit Store(const std::string& conninfo)
        : conninfo_(conninfo),
          store_(storage::postgres::postgres_store(
              {.conninfo = conninfo, .application_name = "hot path"})()) {
        storage::postgres::migrate_up(conninfo).value();
        store_->queue_register({"default"}).value();
        UuidGenerator ids(system_random());
        worker_ = WorkerId(ids.next(store_->database_time()));
        store_->worker_register({.id = worker_, .queues = {"default"}, .models = {"m"}}).value();
        JobSpec spec;
        spec.queue = "default";
        spec.model = "m";
        spec.input_json = kSpecText;
        spec.policy.execution_timeout = std::chrono::minutes(10);
        job_ = test::new_job({}, spec);
    }

    void insert(const std::vector<JobId>& ids) override {
        std::vector<NewJob> jobs(ids.size(), job_);
        for (std::size_t i = 0; i < ids.size(); ++i) jobs[i].id = ids[i];
        CHECK(store_->job_insert(jobs).has_value());
    }
    void claim(const std::vector<JobId>& ids) override {
        CHECK(store_->job_claim(worker_, ids).value().size() == ids.size());
    }
    void complete(const std::vector<JobId>& ids) override {
        SettledAttempt attempt;
        attempt.settlement.next = JobState::kCompleted;
        attempt.outcome = {.kind = OutcomeKind::kCompleted, .output_json = kOutput};
        std::vector<SettledAttempt> attempts(ids.size(), attempt);
        for (std::size_t i = 0; i < ids.size(); ++i) attempts[i].key = {ids[i], 1};
        for (const auto& reply : store_->job_settle(worker_, attempts).value()) {
            CHECK(reply.accepted);
        }
    }
    int server_pid() override {
        pqxx::connection connection(conninfo_);
        pqxx::nontransaction transaction(connection);
        return transaction
            .exec1("SELECT pid FROM pg_stat_activity WHERE application_name = 'hot path'")[0]
            .as<int>();
    }

 private:
    const std::string conninfo_;
    std::unique_ptr<JobStore> store_;
    WorkerId worker_;
    NewJob job_;
};

// The user and system time of a process up to now.
double cpu_seconds(int pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text((std::istreambuf_iterator<char>(file)), {});
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct Cost {
    double jobs_per_second = 0;
    double cpu_micros = 0;  // The server's, per job.
    double insert_micros = 0;
    double claim_micros = 0;
    double complete_micros = 0;
};

class Run {
 public:
    Run(Subject& subject, UuidGenerator& ids) : subject_(subject), ids_(ids) {}

    Cost measure(const Load& load) {
        std::deque<std::vector<JobId>> waiting;
        for (int i = 0; i < kBatchesAhead; ++i) waiting.push_back(inserted(load.batch));
        const auto pid = subject_.server_pid();
        const auto cpu = cpu_seconds(pid);
        const auto start = Clock::now();
        Cost cost;
        for (int i = 0; i < load.cycles; ++i) {
            cost.insert_micros += timed([&] { waiting.push_back(inserted(load.batch)); });
            cost.claim_micros += timed([&] { subject_.claim(waiting.front()); });
            cost.complete_micros += timed([&] { subject_.complete(waiting.front()); });
            waiting.pop_front();
        }
        const std::chrono::duration<double> took = Clock::now() - start;
        const auto jobs = static_cast<double>(load.batch) * load.cycles;
        cost.jobs_per_second = jobs / took.count();
        cost.cpu_micros = (cpu_seconds(pid) - cpu) * 1e6 / jobs;
        for (auto* part : {&cost.insert_micros, &cost.claim_micros, &cost.complete_micros}) {
            *part /= jobs;
        }
        for (const auto& batch : waiting) {
            subject_.claim(batch);
            subject_.complete(batch);
        }
        return cost;
    }

 private:
    std::vector<JobId> inserted(std::size_t count) {
        const auto now = std::chrono::floor<milliseconds>(system_clock().wall());
        std::vector<JobId> batch;
        for (std::size_t i = 0; i < count; ++i) {
            batch.push_back(JobId(ids_.next(now.time_since_epoch())));
        }
        subject_.insert(batch);
        return batch;
    }
    static double timed(const std::function<void()>& part) {
        const auto start = Clock::now();
        part();
        return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
    }

    Subject& subject_;
    UuidGenerator& ids_;
};

Cost median(std::vector<Cost> costs) {
    std::ranges::sort(costs, {}, &Cost::jobs_per_second);
    return costs.at(costs.size() / 2);
}

void print(const std::string& who, std::size_t batch, const Cost& cost) {
    fmt::print("| {} | {} | {:.0f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} |\n", batch, who,
               cost.jobs_per_second, cost.insert_micros, cost.claim_micros, cost.complete_micros,
               cost.cpu_micros);
}

int run() {
    const auto user = ::geteuid() == 0 ? process::find_user("postgres") : std::nullopt;
    const auto directory = process::TemporaryDirectory::make("millrace-bench-", user).value();
    const auto server = embedded::PrivatePostgres::start({.data_dir = directory.path() / "pg",
                                                          .settings = {{"shared_buffers", "1GB"}}})
                            .value();
    Store store(server->conninfo());
    Bare bare(server->conninfo());
    UuidGenerator ids(system_random());
    fmt::print(
        "| batch | client | jobs/s | insert µs | claim µs | complete µs | server CPU µs |\n");
    fmt::print("| --- | --- | --- | --- | --- | --- | --- |\n");
    for (const auto& load : kLoads) {
        std::vector<Cost> bare_costs;
        std::vector<Cost> store_costs;
        for (int i = 0; i < kRuns; ++i) {
            bare_costs.push_back(Run(bare, ids).measure(load));
            store_costs.push_back(Run(store, ids).measure(load));
        }
        const auto least = median(bare_costs);
        const auto ours = median(store_costs);
        print("bare", load.batch, least);
        print("store", load.batch, ours);
        fmt::print("| {} | ratio | {:.2f} | | | | {:.2f} |\n", load.batch,
                   ours.jobs_per_second / least.jobs_per_second,
                   least.cpu_micros / ours.cpu_micros);
    }
    return 0;
}

}  // namespace
}  // namespace millrace::bench

int main() {
    millrace::init_logging({.level = millrace::LogLevel::kWarning, .program = "store_hot_path"});
    return millrace::bench::run();
}
