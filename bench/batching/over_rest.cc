#include "bench/batching/over_rest.h"

#include <fmt/format.h>

#include <mutex>
#include <pqxx/pqxx>
#include <stdexcept>
#include <thread>

#include "bench/load/caller.h"
#include "common/runtime/thread.h"

namespace millrace::bench {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string request_of(const std::string& input) {
    return post("/v1/jobs", R"({"model":"synthetic","input":)" + input + "}",
                "Prefer: wait=50\r\n");
}

void call(Caller& caller, const std::string& request) {
    const int status = caller.exchange(request);
    if (status != 200) throw std::runtime_error(fmt::format("a call answered {}", status));
}

}  // namespace

OverRest::OverRest(test::BrokerKind broker)
    : stack_({.broker = broker, .quick = false, .kafka_tuning = embedded::JvmTuning::kThroughput}),
      port_(std::stoi(stack_.url().substr(stack_.url().rfind(':') + 1))) {}

void OverRest::set_model(const Curve& curve, const test::Settings& settings) {
    test::ProgramOptions options;
    options.settings = settings;
    options.settings["backend.synthetic.base_ms"] = std::to_string(curve.base.count());
    options.settings["backend.synthetic.per_item_ms"] = std::to_string(curve.per_item.count());
    options.settings["backend.synthetic.slots"] = "1";
    options.settings["backend.synthetic.batch_max"] = std::to_string(curve.batch_max);
    stack_.worker(0).terminate(std::chrono::minutes(1));
    stack_.restart_worker(0, options);
    Caller caller(port_);
    call(caller, request_of(inputs_of(false).front()));
}

double OverRest::closed_loop(std::size_t clients, const std::vector<std::string>& inputs,
                             milliseconds duration) {
    const auto begun = Steady::now();
    std::mutex mutex;
    RateOfEnds rate(begun + duration / 4);
    {
        std::vector<runtime::Thread> threads;
        for (std::size_t i = 0; i < clients; ++i) {
            threads.emplace_back("client", [&, i](std::stop_token) {
                Caller caller(port_);
                const auto request = request_of(inputs[i % inputs.size()]);
                while (true) {
                    call(caller, request);
                    const auto now = Steady::now();
                    if (now >= begun + duration) return;
                    const std::lock_guard lock(mutex);
                    rate.add(now);
                }
            });
        }
        for (auto& thread : threads) thread.join();
    }
    return rate.per_second();
}

OverRest::Lone OverRest::lone_ms(int jobs, milliseconds pause) {
    pqxx::connection database(stack_.conninfo());
    const auto mark = [&] {
        pqxx::work work(database);
        return work.exec1("SELECT max(id::text) FROM jobs")[0].as<std::string>();
    }();
    Caller caller(port_);
    const auto request = request_of(inputs_of(false).front());
    std::vector<double> calls;
    for (int i = 0; i < jobs; ++i) {
        std::this_thread::sleep_for(pause);
        const auto before = Steady::now();
        call(caller, request);
        const std::chrono::duration<double, std::milli> took = Steady::now() - before;
        calls.push_back(took.count());
    }
    pqxx::work work(database);
    std::vector<double> in_worker;
    for (const auto& row : work.exec("SELECT 1000 * extract(epoch FROM finished_at - started_at) "
                                     "FROM jobs WHERE id > '" +
                                     mark + "'")) {
        in_worker.push_back(row[0].as<double>());
    }
    return {.call = median(calls), .in_worker = median(in_worker)};
}

}  // namespace millrace::bench
