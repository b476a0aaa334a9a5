// `millrace queues`, `workers`: the system as it is.

#include <fmt/format.h>

#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

std::string cell(const Json& row, const char* key) {
    const auto found = row.find(key);
    if (found == row.end() || found->empty()) return "-";
    if (found->is_string()) return printable(found->get<std::string>());
    if (found->is_array()) {
        std::string joined;
        for (const auto& item : *found) {
            if (!joined.empty()) joined += ",";
            joined += item.is_string() ? item.get<std::string>() : item.dump();
        }
        return printable(joined);
    }
    return found->dump();
}

std::string age_cell(const Json& row, const char* key) {
    const auto found = row.find(key);
    return found != row.end() && found->is_number() ? duration_text(found->get<std::int64_t>())
                                                    : "-";
}

int print_rows(const GlobalOptions& global, const Result<Json>& answer, Table table,
               const std::function<std::vector<std::string>(const Json&)>& to_row) {
    if (!answer.has_value()) return fail(answer.error());
    for (const auto& row : (*answer)["data"]) {
        if (global.json) {
            fmt::print("{}\n", row.dump());
        } else {
            table.add(to_row(row));
        }
    }
    if (!global.json) table.print();
    return kOk;
}

}  // namespace

int run_queues(const GlobalOptions& global) {
    ApiClient api(global.url);
    return print_rows(global, api.queues(),
                      Table({"QUEUE", "PRIORITY", "QUEUED", "SCHEDULED", "IN PROGRESS", "OLDEST"}),
                      [](const Json& row) -> std::vector<std::string> {
                          return {cell(row, "queue"),       cell(row, "priority"),
                                  cell(row, "queued"),      cell(row, "scheduled"),
                                  cell(row, "in_progress"), age_cell(row, "oldest_age_ms")};
                      });
}

int run_workers(const GlobalOptions& global) {
    ApiClient api(global.url);
    return print_rows(
        global, api.workers(),
        Table(
            {"WORKER", "STATE", "NAME", "ACTIVE", "SLOTS", "QUEUES", "MODELS", "DEVICES", "SEEN"}),
        [](const Json& row) -> std::vector<std::string> {
            return {cell(row, "id"),     cell(row, "state"),   cell(row, "name"),
                    cell(row, "active"), cell(row, "slots"),   cell(row, "queues"),
                    cell(row, "models"), cell(row, "devices"), age_cell(row, "heartbeat_age_ms")};
        });
}

}  // namespace millrace::cli
