// The whole way under load: jobs per second from HTTP to the last result, the wait before a start,
// and what the programs hold in memory. Starts a stack of its own and prints a table.
//
//   end_to_end_bench [--broker kafka|mock] [--runs 5] [--warm-up 60000] [--jobs 20000]
//                    [--bulk 100000]

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "bench/end_to_end/process_times.h"
#include "bench/load/caller.h"
#include "bench/load/quantile.h"
#include "common/process/temporary_directory.h"
#include "tests/e2e/stack.h"
#include "tests/support/eventually.h"

namespace millrace::bench {
namespace {

using test::Json;
using test::Stack;

constexpr std::size_t kBulkJobs = 500;
constexpr std::chrono::minutes kPatience{10};

struct Options {
    std::string broker = "kafka";
    int runs = 5;
    std::size_t warm_up = 60000;
    std::size_t jobs = 20000;
    std::size_t bulk = 100000;
    std::size_t latency_jobs = 500;
};

// 300 bytes of prompt, as in the peers' figures.
std::string job_body() {
    return Json{{"model", "synthetic"}, {"input", {{"prompt", std::string(300, 'x')}}}}.dump();
}

std::string bulk_body() {
    std::string body = R"({"jobs":[)";
    for (std::size_t i = 0; i < kBulkJobs; ++i) body += (i == 0 ? "" : ",") + job_body();
    return body + "]}";
}

class Bench {
 public:
    explicit Bench(const Options& options)
        : options_(options),
          stack_({.broker = options.broker == "kafka" ? test::BrokerKind::kKafka
                                                      : test::BrokerKind::kMock,
                  .quick = false,
                  .kafka_tuning = embedded::JvmTuning::kThroughput}),
          database_(stack_.conninfo()),
          port_(std::stoi(stack_.url().substr(stack_.url().rfind(':') + 1))) {}

    void run() {
        report_synced_write();
        report_memory("idle");
        // Kafka's JVM compiles for this long before the cost of a request is stable.
        run_load(
            {.port = port_, .requests = options_.warm_up, .request = post("/v1/jobs", job_body())});
        wait_until_done();
        report_latency();
        for (const int callers : {32, 128}) {
            report_rate(fmt::format("one per call, {} callers", callers), callers, options_.jobs,
                        post("/v1/jobs", job_body()), 1);
        }
        report_rate("500 per call, 8 callers", 8, options_.bulk / kBulkJobs,
                    post("/v1/jobs:batch", bulk_body()), kBulkJobs);
        report_backlog();
        report_drain();
    }

 private:
    // Submits the jobs and waits for the last result. The rate counts from the creation of the
    // first job to the end of the last one, both by PostgreSQL's clock.
    void report_rate(const std::string& what, int callers, std::size_t requests,
                     const std::string& request, std::size_t jobs_per_request) {
        std::vector<double> submitted;
        std::vector<double> finished;
        const auto cpu = cpu_seconds_by_program();
        const auto jobs = static_cast<double>(requests * jobs_per_request);
        for (int i = 0; i < options_.runs; ++i) {
            const auto mark = newest_job();
            submitted.push_back(
                jobs /
                run_load(
                    {.port = port_, .callers = callers, .requests = requests, .request = request}));
            wait_until_done();
            finished.push_back(jobs / seconds_since(mark));
        }
        print_row(what + ": accepted", submitted);
        print_row(what + ": finished", finished);
        print_cpu(what, cpu, jobs * options_.runs);
    }

    void report_drain() {
        std::vector<double> rates;
        for (int i = 0; i < options_.runs; ++i) {
            stack_.worker(workers_ - 1).terminate(kPatience);
            const auto mark = newest_job();
            run_load({.port = port_,
                      .callers = 8,
                      .requests = options_.bulk / kBulkJobs,
                      .request = post("/v1/jobs:batch", bulk_body())});
            stack_.start_worker();
            ++workers_;
            wait_until_done();
            pqxx::work work(database_);
            const auto row = work.exec1(
                "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM jobs WHERE id "
                "> '" +
                mark + "'");
            rates.push_back(static_cast<double>(options_.bulk) / row[0].as<double>());
        }
        print_row("drain of a backlog", rates);
    }

    // The memory of gateway and worker while every slot of the backend is taken and a long backlog
    // waits.
    void report_backlog() {
        const auto slots = stack_.call("GET", "/v1/workers")["data"][0]["slots"].get<std::size_t>();
        std::vector<std::string> running;
        while (running.size() < slots) {
            const auto part = std::min(kBulkJobs, slots - running.size());
            const auto ids =
                stack_.submit_many(Json(part, test::synthetic_job({{"ms", 3'600'000}})));
            running.insert(running.end(), ids.begin(), ids.end());
        }
        stack_.wait_until_status(running.front(), "in_progress");
        const auto mark = newest_job();
        run_load({.port = port_,
                  .callers = 8,
                  .requests = options_.bulk / kBulkJobs,
                  .request = post("/v1/jobs:batch", bulk_body())});
        report_memory(fmt::format("with {} queued jobs", queued_since(mark)));
        // The job may be over already, because the order reaches a worker within a millisecond.
        Caller caller(port_);
        for (const auto& id : running) caller.exchange(post("/v1/jobs/" + id + "/cancel", "{}"));
        wait_until_done();
    }

    // One caller sends 50 jobs a second; timed from created to started by PostgreSQL's clock.
    void report_latency() {
        const auto mark = newest_job();
        Caller caller(port_);
        const auto request = post("/v1/jobs", job_body());
        auto next = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < options_.latency_jobs; ++i) {
            std::this_thread::sleep_until(next += std::chrono::milliseconds(20));
            caller.exchange(request);
        }
        wait_until_done();
        pqxx::work work(database_);
        std::vector<double> waits;
        for (const auto& row :
             work.exec("SELECT 1000 * extract(epoch FROM started_at - created_at) FROM jobs WHERE "
                       "id > '" +
                       mark + "'")) {
            waits.push_back(row[0].as<double>());
        }
        fmt::print("| submit to start, 50/s, idle (ms) | p50 {:.1f} | p99 {:.1f} | max {:.1f} |\n",
                   quantile(waits, 0.5), quantile(waits, 0.99), quantile(waits, 1.0));
        std::fflush(stdout);
    }

    void report_memory(const std::string& when) {
        fmt::print("| resident {} (MiB) | gateway {:.0f} | worker {:.0f} | |\n", when,
                   resident_mib(stack_.gateway().pid()),
                   resident_mib(stack_.worker(workers_ - 1).pid()));
        std::fflush(stdout);
    }

    // The lower bound on what a commit waits for: the median time to write 8 kB and sync them.
    static void report_synced_write() {
        const auto directory = process::TemporaryDirectory::make("millrace-bench-").value();
        const auto path = directory.path() / "synced";
        const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        const std::string block(8192, 'x');
        std::vector<double> millis;
        for (int i = 0; i < 200; ++i) {
            const auto start = std::chrono::steady_clock::now();
            if (::pwrite(file, block.data(), block.size(), 0) < 0 || ::fdatasync(file) != 0) {
                throw std::runtime_error("cannot write to " + path.string());
            }
            const std::chrono::duration<double, std::milli> took =
                std::chrono::steady_clock::now() - start;
            millis.push_back(took.count());
        }
        ::close(file);
        fmt::print("| a synced write of 8 kB (ms) | median {:.2f} | min {:.2f} | max {:.2f} |\n",
                   median(millis), *std::ranges::min_element(millis),
                   *std::ranges::max_element(millis));
    }

    static void print_cpu(const std::string& what, const std::map<std::string, double>& before,
                          double jobs) {
        fmt::print("| {}: processor time a job (µs) |", what);
        for (const auto& [program, seconds] : cpu_seconds_by_program()) {
            const auto found = before.find(program);
            const auto earlier = found == before.end() ? 0 : found->second;
            fmt::print(" {} {:.0f}", program, (seconds - earlier) * 1e6 / jobs);
        }
        fmt::print(" | | |\n");
        std::fflush(stdout);
    }

    static double resident_mib(pid_t pid) {
        std::ifstream status(fmt::format("/proc/{}/status", pid));
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
        }
        return 0;
    }

    static void print_row(const std::string& what, const std::vector<double>& rates) {
        fmt::print("| {} (jobs/s) | median {:.0f} | min {:.0f} | max {:.0f} |\n", what,
                   median(rates), *std::ranges::min_element(rates),
                   *std::ranges::max_element(rates));
        std::fflush(stdout);
    }

    std::string newest_job() {
        pqxx::work work(database_);
        const auto rows = work.exec("SELECT id FROM jobs ORDER BY id DESC LIMIT 1");
        return rows.empty() ? "00000000-0000-0000-0000-000000000000" : rows[0][0].c_str();
    }

    std::int64_t queued_since(const std::string& mark) {
        pqxx::work work(database_);
        return work
            .exec1("SELECT count(*) FROM jobs_open WHERE state = 3 AND id > '" + mark + "'")[0]
            .as<std::int64_t>();
    }

    double seconds_since(const std::string& mark) {
        pqxx::work work(database_);
        return work
            .exec1(
                "SELECT extract(epoch FROM max(finished_at) - min(created_at)) FROM jobs WHERE "
                "id > '" +
                mark + "'")[0]
            .as<double>();
    }

    void wait_until_done() {
        const auto done = [&] {
            pqxx::work work(database_);
            return work.exec("SELECT 1 FROM jobs WHERE state < 6 LIMIT 1").empty();
        };
        if (!test::eventually(done, "every job is final", kPatience)) {
            throw std::runtime_error("not every job finished");
        }
    }

    Options options_;
    Stack stack_;
    pqxx::connection database_;
    int port_;
    std::size_t workers_ = 1;
};

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
    millrace::bench::Options options;
    CLI::App app("Jobs per second and waiting times of the whole system");
    app.add_option("--broker", options.broker, "kafka or mock");
    app.add_option("--runs", options.runs, "Runs of each figure; the median is reported");
    app.add_option("--warm-up", options.warm_up, "Jobs submitted before anything is measured");
    app.add_option("--jobs", options.jobs, "Jobs a run, submitted one per call");
    app.add_option("--bulk", options.bulk, "Jobs a run, submitted in bulk");
    app.add_option("--latency-jobs", options.latency_jobs, "Jobs of the latency figure");
    CLI11_PARSE(app, argc, argv);
    try {
        millrace::bench::Bench(options).run();
    } catch (const std::exception& error) {
        fmt::print(stderr, "end_to_end_bench: {}\n", error.what());
        return 1;
    }
    return 0;
}
