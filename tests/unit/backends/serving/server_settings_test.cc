#include "worker/backends/serving/server_settings.h"

#include <gtest/gtest.h>

namespace millrace::backends::serving {
namespace {

TEST(BaseUrl, HasNoSlashAtItsEnd) {
    EXPECT_EQ(*plain_base_url("http://127.0.0.1:8000"), "http://127.0.0.1:8000");
    EXPECT_EQ(*plain_base_url("http://127.0.0.1:8000/"), "http://127.0.0.1:8000");
    EXPECT_EQ(*plain_base_url("https://a.example/models//"), "https://a.example/models");
}

TEST(BaseUrl, IsRefusedWithoutRepeatingSecrets) {
    for (const auto* text : {"", "127.0.0.1:8000", "ftp://a.example", "http://me:secret@a.example",
                             "http://a.example/v1?key=secret", "http://a.example/v1#secret"}) {
        const auto url = plain_base_url(text);
        ASSERT_FALSE(url.has_value()) << text;
        EXPECT_EQ(url.error().message.find("secret"), std::string::npos) << url.error().message;
    }
}

TEST(BaseUrl, MayHaveWhitespaceAroundIt) {
    EXPECT_EQ(*plain_base_url(" http://127.0.0.1:8000/ \n"), "http://127.0.0.1:8000");
    EXPECT_FALSE(plain_base_url("http://a b:8000").has_value());
}

TEST(BaseUrl, MayBeAnAddressOfIpv6) {
    EXPECT_EQ(*plain_base_url("http://[::1]:8000/"), "http://[::1]:8000");
    EXPECT_EQ(host_and_port("http://[::1]:8000/v1"), "[::1]:8000");
    EXPECT_FALSE(plain_base_url("http://::1:8000").has_value());
}

TEST(BaseUrl, WithoutASchemeIsRefusedWithAHint) {
    for (const auto* text : {"localhost:8000", "127.0.0.1", "//a.example"}) {
        const auto url = plain_base_url(text);
        ASSERT_FALSE(url.has_value()) << text;
        EXPECT_NE(url.error().message.find("http://"), std::string::npos) << url.error().message;
    }
}

TEST(ApiKey, LosesTheWhitespaceAroundIt) {
    for (const auto* text : {"sk-test", "sk-test\n", "sk-test\r\n", " sk-test\t"}) {
        EXPECT_EQ(*clean_api_key("x.api_key", text), "sk-test");
    }
    EXPECT_EQ(*clean_api_key("x.api_key", "\n"), "");
}

TEST(ApiKey, IsRefusedWithoutBeingShown) {
    for (const std::string text : {"sk-te\nst", "sk-te st", "sk-te\x7fst", "sk-t\xc3\xa9st",
                                   "Bearer sk-test", "sk-test\r\nX-Admin: 1"}) {
        const auto key = clean_api_key("backend.openai.api_key", text);
        ASSERT_FALSE(key.has_value()) << text;
        EXPECT_NE(key.error().message.find("backend.openai.api_key"), std::string::npos);
        EXPECT_EQ(key.error().message.find("sk-"), std::string::npos) << key.error().message;
    }
}

TEST(ModelNames, MapOursToTheServers) {
    const auto names = parse_model_names({"plain", "ours=org/theirs=v2"});
    ASSERT_TRUE(names.has_value());
    EXPECT_EQ(names->at("plain"), "plain");
    EXPECT_EQ(names->at("ours"), "org/theirs=v2");
    EXPECT_FALSE(parse_model_names({"a", "a=b"}).has_value());
    EXPECT_FALSE(parse_model_names({"=b"}).has_value());
    EXPECT_FALSE(parse_model_names({"a="}).has_value());
}

}  // namespace
}  // namespace millrace::backends::serving
