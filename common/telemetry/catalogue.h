// The catalogue of metrics as data: one row per metric, from catalogue.inc.
//
// Pure, constant.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

namespace millrace::telemetry {

enum class Metric {
#define METRIC(enumerator, kind, name, labels, part, help, when) enumerator,
#include "common/telemetry/catalogue.inc"
#undef METRIC
};

// The last three are histograms. They are named after what they measure, because their buckets
// differ.
enum class Kind { kCounter, kGauge, kSeconds, kLongSeconds, kSize };

// The program that emits it.
enum class Part { kGateway, kWorker, kBoth };

struct MetricInfo {
    Metric metric;
    std::string_view name;
    Kind kind;
    std::string_view labels;  // Names, separated by commas.
    Part part;
    std::string_view help;
    std::string_view when;  // When to look at it: "when jobs fail."
};

inline constexpr std::array kMetrics{
#define METRIC(enumerator, kind, name, labels, part, help, when) \
    MetricInfo{Metric::enumerator, name, Kind::k##kind, labels, Part::part, help, when},
#include "common/telemetry/catalogue.inc"
#undef METRIC
};

constexpr const MetricInfo& info(Metric metric) {
    return kMetrics[static_cast<std::size_t>(metric)];
}

constexpr std::size_t label_count(const MetricInfo& row) {
    if (row.labels.empty()) return 0;
    return 1 + static_cast<std::size_t>(std::ranges::count(row.labels, ','));
}

// The labels that rows may use. Each has few values by construction.
struct LabelInfo {
    std::string_view name;
    std::string_view values;  // The source of its values, for the documentation.
};

std::span<const LabelInfo> labels();

// The text of docs/metrics.md.
std::string metrics_markdown();

}  // namespace millrace::telemetry
