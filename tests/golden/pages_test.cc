#include <gtest/gtest.h>

#include "common/config/describe.h"
#include "common/telemetry/catalogue.h"
#include "tests/golden/source_file.h"

namespace millrace {
namespace {

TEST(GeneratedPages, ConfigurationIsWhatTheTableSays) {
    EXPECT_TRUE(golden::source_file("docs/configuration.md") == config::configuration_markdown())
        << "run `make docs`";
}

TEST(GeneratedPages, MetricsAreWhatTheCatalogueSays) {
    EXPECT_TRUE(golden::source_file("docs/metrics.md") == telemetry::metrics_markdown())
        << "run `make docs`";
}

}  // namespace
}  // namespace millrace
