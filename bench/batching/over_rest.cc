#include "bench/batching/over_rest.h"

#include <fmt/format.h>

#include <pqxx/pqxx>

#include "bench/batching/http_clients.h"
#include "bench/load/caller.h"
#include "bench/load/quantile.h"

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;

std::string request_of(const std::string& input) {
    return post("/v1/jobs", R"({"model":"synthetic","input":)" + input + "}",
                "Prefer: wait=50\r\n");
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
    (void)http_lone_ms(port_, request_of(inputs_of(false).front()), 1, milliseconds(0));
}

double OverRest::closed_loop(std::size_t clients, const std::vector<std::string>& inputs,
                             milliseconds duration) {
    std::vector<std::string> requests;
    for (const auto& input : inputs) requests.push_back(request_of(input));
    return http_closed_loop(port_, clients, requests, duration);
}

OverRest::Lone OverRest::lone_ms(int jobs, milliseconds pause) {
    pqxx::connection database(stack_.conninfo());
    const auto mark = [&] {
        pqxx::work work(database);
        return work.exec1("SELECT max(id::text) FROM jobs")[0].as<std::string>();
    }();
    const auto call = http_lone_ms(port_, request_of(inputs_of(false).front()), jobs, pause);
    pqxx::work work(database);
    std::vector<double> in_worker;
    for (const auto& row : work.exec("SELECT 1000 * extract(epoch FROM finished_at - started_at) "
                                     "FROM jobs WHERE id > '" +
                                     mark + "'")) {
        in_worker.push_back(row[0].as<double>());
    }
    return {.call = call, .in_worker = median(in_worker)};
}

}  // namespace millrace::bench
