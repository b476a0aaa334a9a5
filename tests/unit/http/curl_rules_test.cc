#include "common/http/curl_rules.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/process/temporary_directory.h"

namespace millrace::http {
namespace {

TEST(CurlRules, KnowThisMachineByItsNames) {
    for (const auto* url :
         {"http://localhost", "http://LocalHost:8000/v1", "http://localhost.:1",
          "http://a.localhost", "http://127.0.0.1:8080/x", "https://127.9.8.7", "http://127.1",
          "http://2130706433", "http://[::1]:8000/v1", "http://[0:0:0:0:0:0:0:1]",
          "http://[::ffff:127.0.0.1]", "http://0.0.0.0:8000", "http://[::]:8000"}) {
        EXPECT_TRUE(is_loopback(url)) << url;
    }
}

TEST(CurlRules, MistakeNoOtherHostForThisMachine) {
    for (const auto* url :
         {"http://gpu-1:8000", "http://128.0.0.1", "http://10.0.0.1", "http://localhost.example",
          "http://127.0.0.1.example", "http://notlocalhost", "http://[fe80::1]", "http://[::2]",
          "http://a.example/127.0.0.1", "http://127.0.0.1@a.example", "", "no url"}) {
        EXPECT_FALSE(is_loopback(url)) << url;
    }
}

class CaFile : public testing::Test {
 protected:
    std::string file(const std::string& text) {
        const auto path = folder_ / "ca.pem";
        std::ofstream(path) << text;
        return path;
    }

    const process::TemporaryDirectory directory_ =
        *process::TemporaryDirectory::make("millrace-test-");
    const std::filesystem::path folder_ = directory_.path();
};

TEST_F(CaFile, IsCheckedBeforeItIsUsed) {
    EXPECT_TRUE(check_ca_file("x.ca_file", ""));
    EXPECT_TRUE(check_ca_file("x.ca_file", file("-----BEGIN CERTIFICATE-----\nAA==\n")));
    for (const auto& path :
         {file("no certificate"), folder_.string(), (folder_ / "none").string()}) {
        if (path.ends_with("ca.pem")) file("no certificate");
        const auto status = check_ca_file("x.ca_file", path);
        ASSERT_FALSE(status.has_value()) << path;
        EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
        EXPECT_NE(status.error().message.find("x.ca_file"), std::string::npos);
        EXPECT_NE(status.error().message.find(path), std::string::npos);
    }
}

}  // namespace
}  // namespace millrace::http
