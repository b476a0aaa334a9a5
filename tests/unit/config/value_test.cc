#include "common/config/value.h"

#include <gtest/gtest.h>

namespace millrace::config {
namespace {

using namespace std::chrono_literals;

std::string problem(Setting setting, std::string_view text) {
    const auto value = parse_value(info(setting), text);
    return value.has_value() ? "" : value.error().message;
}

TEST(Duration, TakesOneNumberAndOneUnit) {
    EXPECT_EQ(*parse_duration("500ms"), 500ms);
    EXPECT_EQ(*parse_duration("5s"), 5s);
    EXPECT_EQ(*parse_duration("2m"), 2min);
    EXPECT_EQ(*parse_duration("1h"), 1h);
    EXPECT_EQ(*parse_duration("7d"), 168h);
    EXPECT_EQ(*parse_duration("0s"), 0ms);
}

TEST(Duration, RefusesAnythingElse) {
    for (const auto* text : {"", "5", "s", "-5s", "1.5s", "1h30m", "5 parsecs", "5S",
                             "99999999999999999999s", "9223372036854775807d"}) {
        EXPECT_FALSE(parse_duration(text).has_value()) << text;
    }
}

TEST(Duration, IsPrintedInItsLargestWholeUnit) {
    EXPECT_EQ(show_duration(90s), "90s");
    EXPECT_EQ(show_duration(120s), "2m");
    EXPECT_EQ(show_duration(0ms), "0ms");
    EXPECT_EQ(show_duration(168h), "7d");
}

TEST(Bytes, TakesBinaryUnits) {
    EXPECT_EQ(*parse_bytes("512B"), 512);
    EXPECT_EQ(*parse_bytes("64KiB"), 65536);
    EXPECT_EQ(*parse_bytes("1MiB"), 1 << 20);
    EXPECT_FALSE(parse_bytes("64KB").has_value());
    EXPECT_FALSE(parse_bytes("64").has_value());
    EXPECT_EQ(show_bytes(65536), "64KiB");
    EXPECT_EQ(show_bytes(1000), "1000B");
}

TEST(ParseValue, SaysWhatIsAllowed) {
    EXPECT_EQ(problem(Setting::kGatewayPort, "70000"), "out of bounds; allowed is 0..65535");
    EXPECT_EQ(problem(Setting::kGatewayPort, "-1"), "out of bounds; allowed is 0..65535");
    EXPECT_EQ(problem(Setting::kGatewayPort, "http"), "not a whole number");
    EXPECT_EQ(problem(Setting::kGatewayPort, "80 "), "not a whole number");
    EXPECT_EQ(problem(Setting::kJobExecutionTimeout, "8d"), "out of bounds; allowed is 100ms..7d");
    EXPECT_EQ(problem(Setting::kLogFormat, "xml"), "not allowed; allowed is text|json");
    EXPECT_EQ(problem(Setting::kWorkerStrictPriority, "yes"), "not true or false");
    EXPECT_EQ(problem(Setting::kBackendSyntheticBaseMs, "nan"), "not a number");
    EXPECT_EQ(problem(Setting::kBackendSyntheticBaseMs, "0.25"), "");
}

TEST(ParseValue, SplitsListsAtCommas) {
    const auto value = parse_value(info(Setting::kQueues), " default, images ,,sdxl");
    EXPECT_EQ(std::get<std::vector<std::string>>(*value),
              (std::vector<std::string>{"default", "images", "sdxl"}));
}

TEST(ParseValue, ListsHoldWhatABackslashProtects) {
    const auto& row = info(Setting::kQueues);
    const auto entries = [&](std::string_view text) {
        return std::get<std::vector<std::string>>(*parse_value(row, text));
    };
    using Entries = std::vector<std::string>;
    EXPECT_EQ(entries(R"(print(1\,2),b)"), (Entries{"print(1,2)", "b"}));
    EXPECT_EQ(entries(R"(\ a\ , b)"), (Entries{" a ", "b"}));
    EXPECT_EQ(entries(R"(C:\models,\d+)"), (Entries{R"(C:\models)", R"(\d+)"}));
    EXPECT_EQ(entries(R"(a\\,b)"), (Entries{R"(a\)", "b"}));
}

TEST(ListText, ParsesBackToItsEntries) {
    const auto& row = info(Setting::kQueues);
    for (const std::vector<std::string>& entries : {std::vector<std::string>{"a", "b c", "d,e"},
                                                    {" x ", "\t"},
                                                    {"\\", "\\,", ",\\"},
                                                    {"a\\ b", "\\\\"},
                                                    {"C:\\dir", "x\\"},
                                                    {}}) {
        const auto text = list_text(entries);
        EXPECT_EQ(std::get<std::vector<std::string>>(*parse_value(row, text)), entries) << text;
    }
}

TEST(ParseValue, ReadsDevices) {
    const auto& row = info(Setting::kBackendProcessDevices);
    EXPECT_EQ(show_value(row, *parse_value(row, "0, MIG-1f,1+cpu:0-3")), "0,MIG-1f,1+cpu:0-3");
    constexpr std::string_view kBeginning = "'cuda:1' is not a device: write a number (0)";
    EXPECT_EQ(problem(Setting::kBackendProcessDevices, "0,cuda:1").substr(0, kBeginning.size()),
              kBeginning);
}

TEST(ShowValue, NeverShowsSecrets) {
    const auto& key = info(Setting::kBackendOpenaiApiKey);
    EXPECT_EQ(show_value(key, *parse_value(key, "sk-secret")), "***");
    EXPECT_EQ(show_value(key, *parse_value(key, "")), "");
    const auto& extra = info(Setting::kKafkaExtra);
    EXPECT_EQ(show_value(extra, *parse_value(extra, "sasl.password=secret")), "***");
}

TEST(HidePassword, KeepsTheRestOfAConnectionString) {
    EXPECT_EQ(hide_password("host=db password=secret user=me"), "host=db password=*** user=me");
    EXPECT_EQ(hide_password("password = 'it\\'s a secret' host=db").find("secret"),
              std::string::npos);
    EXPECT_EQ(hide_password("postgresql://me:secret@db:5432/jobs"),
              "postgresql://me:***@db:5432/jobs");
    EXPECT_EQ(hide_password("postgres://db/jobs?password=secret&user=me"),
              "postgres://db/jobs?password=***&user=me");
    EXPECT_EQ(hide_password("host=/run/postgresql dbname=jobs"),
              "host=/run/postgresql dbname=jobs");
}

}  // namespace
}  // namespace millrace::config
