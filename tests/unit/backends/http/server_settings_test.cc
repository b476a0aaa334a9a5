#include "worker/backends/http/server_settings.h"

#include <gtest/gtest.h>

namespace millrace::worker {
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
}  // namespace millrace::worker
