// `millrace queues` and `workers`: the current state of the system.

#include <fmt/format.h>

#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/json_text.h"
#include "producer/cli/show.h"
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

int print_rows(const GlobalOptions& global, const Result<Answer>& answer, Table table,
               const std::function<std::vector<std::string>(const Json&)>& to_row) {
    if (!answer.has_value()) return fail(answer.error());
    std::string lines;
    for (const auto row : json_elements(json_member(answer->text, "data"))) {
        if (global.json) {
            lines += one_line(row) + "\n";
        } else {
            table.add(to_row(parse_json(row)));
        }
    }
    return (global.json ? print_out(lines) : table.print()) ? kOk : kFailure;
}

}  // namespace

int run_queues(const GlobalOptions& global) {
    ApiClient api(global.url);
    return print_rows(global, api.queues(),
                      Table({{"QUEUE", 0, 12},
                             {"PRIORITY", 0},
                             {"QUEUED", 0},
                             {"SCHEDULED", 2},
                             {"IN PROGRESS", 1},
                             {"OLDEST", 3}}),
                      [](const Json& row) -> std::vector<std::string> {
                          const std::string about = flag_of(row, "estimated") ? "~" : "";
                          return {cell(row, "queue"),          cell(row, "priority"),
                                  about + cell(row, "queued"), about + cell(row, "scheduled"),
                                  cell(row, "in_progress"),    age_cell(row, "oldest_age_ms")};
                      });
}

int run_workers(const GlobalOptions& global) {
    ApiClient api(global.url);
    return print_rows(
        global, api.workers(),
        Table({{"WORKER", 7},
               {"STATE", 0},
               {"NAME", 0, 10},
               {"ACTIVE", 2},
               {"SLOTS", 3},
               {"QUEUES", 6, 10},
               {"MODELS", 1, 12},
               {"DEVICES", 5, 10},
               {"SEEN", 4}}),
        [](const Json& row) -> std::vector<std::string> {
            return {cell(row, "id"),     cell(row, "state"),   cell(row, "name"),
                    cell(row, "active"), cell(row, "slots"),   cell(row, "queues"),
                    cell(row, "models"), cell(row, "devices"), age_cell(row, "heartbeat_age_ms")};
        });
}

}  // namespace millrace::cli
