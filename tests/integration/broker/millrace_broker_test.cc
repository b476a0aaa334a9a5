// The program millrace-broker as its users see it: output, exit status, signals. The conformance
// suite covers what it serves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <string>
#include <utility>

#include "common/process/child_process.h"
#include "common/process/port_reservation.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using process::ChildProcess;
using testing::HasSubstr;

std::string program() {
    return process::find_own_program("millrace-broker").value().string();
}

// A broker and its first line.
struct Started {
    ChildProcess process;
    std::string first_line;
};

Started start(const std::string& port) {
    auto line = std::make_shared<std::promise<std::string>>();
    auto first = line->get_future();
    auto child =
        ChildProcess::start({.argv = {program(), "--port", port},
                             .on_line = [line, told = false](std::string_view text) mutable {
                                 if (!std::exchange(told, true)) line->set_value(std::string(text));
                             }});
    EXPECT_EQ(first.wait_for(30s), std::future_status::ready);
    return {std::move(child).value(), first.get()};
}

TEST(MillraceBroker, UsesTheGivenPort) {
    const auto port = process::PortReservation::any().value();
    const auto broker = start(std::to_string(port.port()));
    EXPECT_EQ(broker.first_line, "bootstrap=127.0.0.1:" + std::to_string(port.port()));
}

TEST(MillraceBroker, EndsCleanlyOnSigterm) {
    for (const int signal : {SIGTERM, SIGINT}) {
        auto broker = start("0");
        broker.process.send(signal);
        const auto status = broker.process.wait(30s);
        ASSERT_TRUE(status.has_value());
        EXPECT_TRUE(status->ok()) << status->str();
    }
}

TEST(MillraceBroker, SaysThatItsPortIsTaken) {
    const auto first = start("0");
    const auto port = first.first_line.substr(first.first_line.rfind(':') + 1);
    const auto second = process::run_to_end({.argv = {program(), "--port", port}}, 30s);
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(second.error().message, HasSubstr("cannot listen on 127.0.0.1:" + port));
}

TEST(MillraceBroker, PrintsItsVersion) {
    const auto output = process::run_to_end({.argv = {program(), "--version"}}, 30s);
    ASSERT_TRUE(output.has_value());
    EXPECT_THAT(*output, HasSubstr("millrace-broker "));
}

TEST(MillraceBroker, RefusesUnknownArguments) {
    const auto no_port = process::run_to_end({.argv = {program(), "--port", "70000"}}, 30s);
    ASSERT_FALSE(no_port.has_value());
    EXPECT_THAT(no_port.error().message, HasSubstr("'70000' is not a port"));
    const auto no_option = process::run_to_end({.argv = {program(), "--prot", "1"}}, 30s);
    ASSERT_FALSE(no_option.has_value());
    EXPECT_THAT(no_option.error().message, HasSubstr("usage"));
}

}  // namespace
}  // namespace millrace
