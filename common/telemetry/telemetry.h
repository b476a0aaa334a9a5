// Counting, setting and observing the metrics of the catalogue.
//
//   telemetry::count<Metric::kJobsSubmitted>(jobs.size(), name(priority));
//   telemetry::set<Metric::kSlotsBusy>(busy);
//   telemetry::observe<Metric::kStatementSeconds>(clock.now() - start, "job_claim");
//
// A wrong name, kind, unit or number of labels does not compile. Label values come in the order of
// the row, each from a small, closed set. A metric keeps at most kSeriesMax combinations; further
// ones are counted together under "other".
//
// Threads:   thread-safe; one registry per process.
// Blocks:    never for long. A call costs about 100 ns with labels, less without: where there are
//            batches, call it once per batch.
#pragma once

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/telemetry/catalogue.h"

namespace millrace::telemetry {

inline constexpr std::size_t kSeriesMax = 1000;

// Makes this program's metrics without labels visible, at zero. Call it once at the start.
void declare(Part part);

// The answer to /metrics, in the Prometheus text format, version 0.0.4.
std::string render();
inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

using Seconds = std::chrono::duration<double>;

namespace detail {
void count(Metric metric, double n, std::span<const std::string_view> labels);
void set(Metric metric, double value, std::span<const std::string_view> labels);
void observe(Metric metric, double value, std::span<const std::string_view> labels);

template <class... Labels>
std::array<std::string_view, sizeof...(Labels)> views(const Labels&... labels) {
    return {std::string_view(labels)...};
}
}  // namespace detail

template <Metric M, class Number = int, class... Labels>
requires std::is_arithmetic_v<Number>
void count(Number n = 1, const Labels&... labels) {
    static_assert(info(M).kind == Kind::kCounter, "not a counter");
    static_assert(label_count(info(M)) == sizeof...(Labels),
                  "wrong number of labels: see the row of the metric in catalogue.inc");
    detail::count(M, static_cast<double>(n), detail::views(labels...));
}

template <Metric M, class Number, class... Labels>
requires std::is_arithmetic_v<Number>
void set(Number value, const Labels&... labels) {
    static_assert(info(M).kind == Kind::kGauge, "not a gauge");
    static_assert(label_count(info(M)) == sizeof...(Labels), "see its labels in catalogue.inc");
    detail::set(M, static_cast<double>(value), detail::views(labels...));
}

template <Metric M, class... Labels>
void observe(Seconds elapsed, const Labels&... labels) {
    static_assert(info(M).kind == Kind::kSeconds || info(M).kind == Kind::kLongSeconds,
                  "not a histogram of seconds");
    static_assert(label_count(info(M)) == sizeof...(Labels), "see its labels in catalogue.inc");
    detail::observe(M, elapsed.count(), detail::views(labels...));
}

template <Metric M, class... Labels>
void observe_size(std::size_t size, const Labels&... labels) {
    static_assert(info(M).kind == Kind::kSize, "not a histogram of sizes");
    static_assert(label_count(info(M)) == sizeof...(Labels), "see its labels in catalogue.inc");
    detail::observe(M, static_cast<double>(size), detail::views(labels...));
}

}  // namespace millrace::telemetry
