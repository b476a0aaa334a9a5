// A gateway's URL as people write it.
#include "producer/cli/gateway_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(GatewayUrl, IsAcceptedHoweverItIsWritten) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"http://127.0.0.1:8080/", "http://127.0.0.1:8080"},
        {"http://127.0.0.1:8080///", "http://127.0.0.1:8080"},
        {"127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"localhost", "http://localhost"},
        {"localhost:9000/", "http://localhost:9000"},
        {"https://queue.example.com", "https://queue.example.com"},
        {"http://host/v1", "http://host"},
        {"http://host/v1/", "http://host"},
        {"http://host/millrace/v1", "http://host/millrace"},
        {"http://host/millrace/", "http://host/millrace"},
        {"http://[::1]:8080/", "http://[::1]:8080"},
        {"[::1]:8080", "http://[::1]:8080"},
        {"http://host\n", "http://host"},
        {"  http://host ", "http://host"},
    };
    for (const auto& [written, meant] : cases) {
        const auto url = gateway_url(written);
        ASSERT_TRUE(url.has_value()) << written << ": " << url.error().message;
        EXPECT_EQ(*url, meant) << written;
    }
}

TEST(GatewayUrl, IsRefusedWithTheReason) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "no host"},
        {"http://", "no host"},
        {"http://:8080", "no host"},
        {"ftp://host", "http or https"},
        {"file:///etc/passwd", "http or https"},
        {"http://host:99999", "port"},
        {"http://host:80a", "port"},
        {"http://host:", "port"},
        {"http://::1:8080", "brackets"},
        {"http://[::1", "]"},
        {"http://[::1]x", "after its ]"},
        {"http://host name", "spaces"},
        {"http://höst", "invalid characters"},
        {"http://host?x=1", "query"},
        {"http://host/#x", "query"},
    };
    for (const auto& [written, reason] : cases) {
        const auto url = gateway_url(written);
        ASSERT_FALSE(url.has_value()) << written;
        EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument);
        EXPECT_THAT(url.error().message, HasSubstr(reason)) << written;
    }
}

TEST(GatewayUrl, NeverShowsAPassword) {
    for (const auto* written : {"http://user:geheim@host", "user:geheim@host:8080",
                                "http://user:ge/heim@host", "ftp://user:geheim@host"}) {
        const auto url = gateway_url(written);
        ASSERT_FALSE(url.has_value()) << written;
        EXPECT_THAT(url.error().message, Not(HasSubstr("heim")));
        EXPECT_THAT(url.error().message, Not(HasSubstr("user:")));
        EXPECT_THAT(url.error().message, HasSubstr("password"));
    }
}

}  // namespace
}  // namespace millrace::cli
