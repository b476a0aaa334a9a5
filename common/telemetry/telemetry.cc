#include "common/telemetry/telemetry.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <unordered_map>

#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/telemetry/process.h"

namespace millrace::telemetry {
namespace {

using Values = std::span<const std::string_view>;

prometheus::Histogram::BucketBoundaries buckets(Kind kind) {
    switch (kind) {
        case Kind::kSeconds:
            return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                    0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
        case Kind::kLongSeconds:
            return {0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400};
        default:
            return {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};
    }
}

prometheus::Labels make_labels(const MetricInfo& row, Values values) {
    prometheus::Labels made;
    std::string_view names = row.labels;
    for (const auto value : values) {
        const auto comma = names.find(',');
        made.emplace(names.substr(0, comma), value);
        names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
    }
    return made;
}

// The series of one metric, found by one string. The client library finds a series by hashing and
// copying a map of labels.
template <class Series>
class Family {
 public:
    Family(prometheus::Registry& registry, const MetricInfo& row)
        : row_(row),
          family_(prometheus::detail::Builder<Series>()
                      .Name(std::string(row.name))
                      .Help(std::string(row.help))
                      .Register(registry)) {}

    Series& at(Values values) {
        std::string key;
        for (const auto value : values) {
            key += value;
            key += '\x1f';
        }
        {
            const ReadLock lock(mutex_);
            if (const auto found = series_.find(key); found != series_.end()) return *found->second;
        }
        const WriteLock lock(mutex_);
        if (const auto found = series_.find(key); found != series_.end()) return *found->second;
        if (series_.size() >= kSeriesMax && !values.empty()) return other(values.size());
        return *series_.emplace(std::move(key), &add(values)).first->second;
    }

 private:
    Series& other(std::size_t count) REQUIRES(mutex_) {
        if (other_ == nullptr) {
            other_ = &add(std::vector<std::string_view>(count, "other"));
        }
        return *other_;
    }

    Series& add(Values values) REQUIRES(mutex_) {
        const auto made = make_labels(row_, values);
        if constexpr (std::is_same_v<Series, prometheus::Histogram>) {
            return family_.Add(made, buckets(row_.kind));
        } else {
            return family_.Add(made);
        }
    }

    const MetricInfo& row_;
    prometheus::Family<Series>& family_;

    SharedMutex mutex_;
    std::unordered_map<std::string, Series*> series_ GUARDED_BY(mutex_);
    Series* other_ GUARDED_BY(mutex_) = nullptr;
};

class Registry {
 public:
    Registry() {
        for (std::size_t i = 0; i < kMetrics.size(); ++i) {
            const auto& row = kMetrics[i];
            CHECK(row.metric == static_cast<Metric>(i));
            if (row.kind == Kind::kCounter) {
                counters_[i] = std::make_unique<Family<prometheus::Counter>>(registry_, row);
            } else if (row.kind == Kind::kGauge) {
                gauges_[i] = std::make_unique<Family<prometheus::Gauge>>(registry_, row);
            } else {
                histograms_[i] = std::make_unique<Family<prometheus::Histogram>>(registry_, row);
            }
        }
    }

    prometheus::Counter& counter(Metric metric, Values labels) {
        return counters_[static_cast<std::size_t>(metric)]->at(labels);
    }
    prometheus::Gauge& gauge(Metric metric, Values labels) {
        return gauges_[static_cast<std::size_t>(metric)]->at(labels);
    }
    prometheus::Histogram& histogram(Metric metric, Values labels) {
        return histograms_[static_cast<std::size_t>(metric)]->at(labels);
    }
    void declare(const MetricInfo& row) {
        if (row.kind == Kind::kCounter) {
            counter(row.metric, {});
        } else if (row.kind == Kind::kGauge) {
            gauge(row.metric, {});
        } else {
            histogram(row.metric, {});
        }
    }

    std::string render() {
        refresh_process();
        auto families = registry_.Collect();
        // Families without a series would show nothing but their help.
        std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
        return prometheus::TextSerializer().Serialize(families);
    }

 private:
    template <class Series>
    using Families = std::array<std::unique_ptr<Family<Series>>, kMetrics.size()>;

    void refresh_process() {
        const MutexLock lock(process_mutex_);
        const auto stats = read_process_stats();
        gauge(Metric::kResidentMemory, {}).Set(static_cast<double>(stats.resident_bytes));
        gauge(Metric::kOpenFiles, {}).Set(static_cast<double>(stats.open_files));
        gauge(Metric::kThreads, {}).Set(static_cast<double>(stats.threads));
        auto& cpu = counter(Metric::kCpuSeconds, {});
        cpu.Increment(stats.cpu_seconds - cpu.Value());
    }

    prometheus::Registry registry_;
    // Indexed by metric; only the array of a metric's kind has an entry. Fixed after construction.
    Families<prometheus::Counter> counters_;
    Families<prometheus::Gauge> gauges_;
    Families<prometheus::Histogram> histograms_;
    Mutex process_mutex_;  // Guards reading the CPU time and adding it.
};

Registry& registry() {
    static Registry instance;
    return instance;
}

}  // namespace

namespace detail {

void count(Metric metric, double n, Values labels) {
    registry().counter(metric, labels).Increment(n);
}

void set(Metric metric, double value, Values labels) {
    registry().gauge(metric, labels).Set(value);
}

void observe(Metric metric, double value, Values labels) {
    registry().histogram(metric, labels).Observe(value);
}

}  // namespace detail

void declare(Part part) {
    for (const auto& row : kMetrics) {
        const bool emitted = row.part == part || row.part == Part::kBoth || part == Part::kBoth;
        if (emitted && row.labels.empty()) registry().declare(row);
    }
}

std::string render() {
    return registry().render();
}

}  // namespace millrace::telemetry
