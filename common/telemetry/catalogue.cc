#include "common/telemetry/catalogue.h"

#include <fmt/format.h>

namespace millrace::telemetry {
namespace {

constexpr std::array kLabels{
    LabelInfo{
        "route",
        "the API's routes by name, e.g. `submit_job`; `none` if the request's path has no route"},
    LabelInfo{"status", "HTTP status codes"},
    LabelInfo{"priority", "`high`, `normal`, `low`"},
    LabelInfo{"queue", "the configured queues"},
    LabelInfo{"state", "`scheduled`, `queued`, `in_progress`"},
    LabelInfo{"code",
              "error codes: those of `common/base/error.cc`, of the API those of "
              "`producer/server/problems.inc`"},
    LabelInfo{"channel", "`jobs`, `events`, `control`"},
    LabelInfo{"event", "`started`, `partial`, `progress`, `finished`, `requeued`"},
    LabelInfo{"duty", "the keeper's duties, e.g. `rescue`"},
    LabelInfo{"backend", "the worker's backends, e.g. `llama`"},
    LabelInfo{"endpoint",
              "names of the model endpoints, `backend.openai.url`; `host:port` by default"},
    LabelInfo{"result",
              "`served`, `answered` (rejected the input), `refused` (no capacity), `unreachable`, "
              "`failed`, `aborted`"},
    LabelInfo{"outcome", "outcomes of attempts, `common/job/outcome.h`"},
    LabelInfo{"source", "`control`, `heartbeat`"},
    LabelInfo{"reason", "`interrupted`, `preempted`, `unknown_claim`"},
    LabelInfo{"statement", "file names of `common/storage/postgres/sql/`, without `.sql`"},
};

std::string_view kind_name(Kind kind) {
    if (kind == Kind::kCounter) return "counter";
    return kind == Kind::kGauge ? "gauge" : "histogram";
}

std::string_view part_name(Part part) {
    if (part == Part::kGateway) return "gateway";
    return part == Part::kWorker ? "worker" : "both";
}

std::string code_list(std::string_view names) {
    std::string out = names.empty() ? "" : "`";
    for (const char c : names) {
        if (c == ',') {
            out += "`, `";
        } else {
            out += c;
        }
    }
    return names.empty() ? out : out + '`';
}

}  // namespace

std::span<const LabelInfo> labels() {
    return kLabels;
}

std::string metrics_markdown() {
    std::string out =
        "# Metrics\n\n"
        "This page is generated from `common/telemetry/catalogue.inc` by `make docs`; a test "
        "checks that it is up to date. The\ngateway serves the metrics at `/metrics` of its API; a "
        "worker "
        "serves its own at `/metrics` if `worker.port` is set.\n\n"
        "| Metric | Kind | Labels | Program | What it is | Look here … |\n"
        "| --- | --- | --- | --- | --- | --- |\n";
    for (const auto& row : kMetrics) {
        out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", row.name, kind_name(row.kind),
                           code_list(row.labels), part_name(row.part), row.help, row.when);
    }
    out += "\n## Labels\n\n| Label | Values |\n| --- | --- |\n";
    for (const auto& label : kLabels) {
        out += fmt::format("| `{}` | {} |\n", label.name, label.values);
    }
    return out;
}

}  // namespace millrace::telemetry
