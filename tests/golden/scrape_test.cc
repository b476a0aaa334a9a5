// Emits every metric once and compares the scrape, without values, with the checked-in list: a
// metric that changes its name, kind or labels breaks somebody's dashboard.
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "common/telemetry/telemetry.h"
#include "tests/golden/source_file.h"

namespace millrace::telemetry {
namespace {

template <Metric M, std::size_t... I>
void emit(std::index_sequence<I...>) {
    constexpr auto kKind = info(M).kind;
    if constexpr (kKind == Kind::kCounter) {
        count<M>(1, (static_cast<void>(I), "x")...);
    } else if constexpr (kKind == Kind::kGauge) {
        set<M>(1, (static_cast<void>(I), "x")...);
    } else if constexpr (kKind == Kind::kSize) {
        observe_size<M>(1, (static_cast<void>(I), "x")...);
    } else {
        observe<M>(std::chrono::seconds(1), (static_cast<void>(I), "x")...);
    }
}

template <std::size_t... M>
void emit_all(std::index_sequence<M...>) {
    (emit<static_cast<Metric>(M)>(std::make_index_sequence<label_count(kMetrics[M])>()), ...);
}

// Returns one line for each metric: "counter millrace_jobs_submitted_total{priority}".
std::string shape_of(const std::string& scrape) {
    static const std::regex sample(R"(^(\w+?)(_count)?(\{[^}]*\})? [^ ]+$)");
    static const std::regex value("=\"[^\"]*\"");
    std::istringstream lines(scrape);
    std::string kind;
    std::set<std::string> shapes;
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (line.starts_with("# TYPE ")) {
            kind = line.substr(line.rfind(' ') + 1);
        } else if (std::regex_match(line, match, sample)) {
            // The _count stands for the whole histogram.
            if ((kind == "histogram") != match[2].matched) continue;
            shapes.insert(kind + " " + match.str(1) + std::regex_replace(match.str(3), value, ""));
        }
    }
    std::string text;
    for (const auto& shape : shapes) text += shape + "\n";
    return text;
}

TEST(Scrape, HasTheNamesKindsAndLabelsThatOthersRelyOn) {
    emit_all(std::make_index_sequence<kMetrics.size()>());
    const auto shape = shape_of(render());
    EXPECT_EQ(shape, golden::source_file("tests/golden/metrics.txt"))
        << "if the change is meant, make this tests/golden/metrics.txt:\n"
        << shape;
}

}  // namespace
}  // namespace millrace::telemetry
