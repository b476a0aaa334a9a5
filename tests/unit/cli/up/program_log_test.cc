#include "producer/cli/up/program_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/process/log_file.h"
#include "common/process/temporary_directory.h"

namespace millrace::cli::up {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Level = LogLine::Level;

constexpr const char* kTime = "2030-01-01T00:00:00.000 ";

std::string line(const std::string& rest) {
    return kTime + rest;
}

TEST(ReadLogLine, SaysALineInWords) {
    const auto read = read_log_line(
        line(R"(warning millrace-worker model endpoint is away endpoint=http://127.0.0.1:1/v1 )"
             R"(reason="unavailable: connection refused")"));
    EXPECT_EQ(read.level, Level::kWarning);
    EXPECT_EQ(read.text,
              "model endpoint is away (endpoint http://127.0.0.1:1/v1): connection refused");
}

TEST(ReadLogLine, SaysHowAProcessEnded) {
    const auto read = read_log_line(line(
        R"(warning millrace-worker a process ended slot=0 how="exit code 3" restarts_in_ms=500)"));
    EXPECT_EQ(read.text, "a process ended (slot 0, restarts in 500 ms): exit code 3");
}

TEST(ReadLogLine, KeepsQuotesAndLinesOfAValue) {
    const auto read = read_log_line(
        line(R"(error   millrace-worker cannot start reason="internal: a \"b\"\u000ac=\\d")"));
    EXPECT_EQ(read.level, Level::kError);
    EXPECT_EQ(read.text, "cannot start: a \"b\"\nc=\\d");
}

TEST(ReadLogLine, UnderstandsJson) {
    const auto read =
        read_log_line(R"({"time_ms":1,"level":"error","program":"millrace-gateway",)"
                      R"("message":"cannot start","reason":"unavailable: no","port":8080})");
    EXPECT_EQ(read.level, Level::kError);
    EXPECT_EQ(read.text, "cannot start (port 8080): no");
}

TEST(ReadLogLine, LeavesOthersAsTheyAre) {
    for (const std::string text :
         {"Traceback (most recent call last):", "{not json", "{\"a\":1}", "",
          "2030-01-01 12:00:00 error something", "2030-01-01T00:00:00.000 error other x=1"}) {
        const auto read = read_log_line(text);
        EXPECT_EQ(read.level, Level::kNone) << text;
        EXPECT_EQ(read.text, text);
    }
}

TEST(ReadLogLine, SurvivesTruncatedLines) {
    for (const auto* rest : {"error millrace-worker", "error millrace-worker a b=\"c",
                             "error millrace-worker a b=\"\\", "error millrace-worker a b=\"\\u00",
                             "error millrace-worker a =x", "error"}) {
        read_log_line(line(rest));
    }
}

TEST(ReasonOfEnd, IsTheLastError) {
    EXPECT_EQ(reason_of_end(line("info    millrace-worker a process wrote line=x\n") +
                            line("error   millrace-worker cannot start reason=\"unavailable: no "
                                 "such file\"\n")),
              "no such file");
}

TEST(ReasonOfEnd, IsEverySettingThatWasRefused) {
    EXPECT_EQ(
        reason_of_end("millrace-worker: bad settings:\nworker.slot is not a setting\nb = 1\n"),
        "worker.slot is not a setting\nb = 1");
}

TEST(ReasonOfEnd, IsTheLastTextThatIsNotALogLineIfNoErrorWasLogged) {
    EXPECT_EQ(reason_of_end(line("info    millrace-worker ready\n") +
                            "terminate called\n  what():  bad_alloc\n"),
              "terminate called\n  what():  bad_alloc");
    EXPECT_EQ(reason_of_end(""), "");
    EXPECT_EQ(reason_of_end(line("info    millrace-worker ready\n")), "");
}

TEST(ProgramLog, ShowsOnlyLinesOfTheRun) {
    const auto directory = process::TemporaryDirectory::make("millrace-log-").value();
    const auto path = directory.path() / "worker.log";
    std::ofstream(path) << "of an earlier run\n";
    ProgramLog log(path);
    log.begin();
    EXPECT_EQ(log.text(), "");
    std::ofstream file(path, std::ios::app);
    file << "one\ntwo\nhalf" << std::flush;
    EXPECT_EQ(log.text(), "one\ntwo\nhalf");
    EXPECT_THAT(log.news(), ElementsAre("one", "two"));
    EXPECT_THAT(log.news(), IsEmpty());
    file << " a line\n" << std::flush;
    EXPECT_THAT(log.news(), ElementsAre("half a line"));
}

TEST(ProgramLog, ShowsTheEndOfALongRun) {
    const auto directory = process::TemporaryDirectory::make("millrace-log-").value();
    const auto path = directory.path() / "worker.log";
    ProgramLog log(path);
    log.begin();
    std::ofstream(path) << std::string(1'000'000, 'x') << "\nthe end\n";
    EXPECT_TRUE(log.text().ends_with("xx\nthe end\n"));
    EXPECT_EQ(log.news().back(), "the end");
}

TEST(ProgramLog, PutsALargeFileAside) {
    const auto directory = process::TemporaryDirectory::make("millrace-log-").value();
    const auto path = directory.path() / "worker.log";
    std::ofstream(path).put('x');
    std::filesystem::resize_file(path, 100'000'000);
    ProgramLog log(path);
    log.begin();
    EXPECT_EQ(process::log_size(path), 0U);
    EXPECT_EQ(process::log_size(path.string() + ".1"), process::kLogBytesMax);
    std::ofstream(path) << "new\n";
    EXPECT_EQ(log.text(), "new\n");
}

TEST(ProgramLog, PutsAFileAsideThatBecomesLargeWhileTheProgramRuns) {
    const auto directory = process::TemporaryDirectory::make("millrace-log-").value();
    const auto path = directory.path() / "worker.log";
    ProgramLog log(path);
    log.begin();
    std::ofstream file(path, std::ios::app);
    const std::string line(1023, 'x');
    for (std::uintmax_t bytes = 0; bytes <= process::kLogBytesMax; bytes += 1024) {
        file << line << '\n';
    }
    file << "the last\n" << std::flush;
    EXPECT_EQ(log.news().back(), "the last");
    EXPECT_EQ(process::log_size(path), 0U);
    file << "goes on\n" << std::flush;
    EXPECT_THAT(log.news(), ElementsAre("goes on"));
    EXPECT_EQ(log.text(), "goes on\n");
}

TEST(ProgramLog, ContinuesIfSomebodyEmptiesTheFile) {
    const auto directory = process::TemporaryDirectory::make("millrace-log-").value();
    const auto path = directory.path() / "worker.log";
    ProgramLog log(path);
    log.begin();
    std::ofstream(path) << "one line that is long\n";
    EXPECT_THAT(log.news(), ElementsAre("one line that is long"));
    std::ofstream(path) << "two\n";
    EXPECT_THAT(log.news(), ElementsAre("two"));
}

TEST(ProgramLog, SurvivesAMissingFile) {
    ProgramLog log("/nonexistent/worker.log");
    log.begin();
    EXPECT_EQ(log.text(), "");
    EXPECT_THAT(log.news(), IsEmpty());
}

}  // namespace
}  // namespace millrace::cli::up
