// Which proxy a message names.
#include "common/http/proxy.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace millrace::http {
namespace {

class ProxyNote : public testing::Test {
 protected:
    void SetUp() override { clear(); }
    void TearDown() override { clear(); }
    static void clear() {
        for (const auto* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                 "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
            unsetenv(name);
        }
    }
    static void set(const char* name, const char* value) { setenv(name, value, 1); }
};

TEST_F(ProxyNote, NamesTheProxyWithoutItsSecrets) {
    EXPECT_EQ(proxy_note("http://gw.example:8080"), "");
    set("http_proxy", "http://user:secret@127.0.0.1:9/");
    EXPECT_EQ(proxy_note("http://gw.example:8080"),
              "; the request goes through the proxy http://127.0.0.1:9 (http_proxy)");
    EXPECT_EQ(proxy_note("https://gw.example"), "");
    set("http_proxy", "proxy:3128");
    EXPECT_EQ(proxy_note("http://gw.example"),
              "; the request goes through the proxy http://proxy:3128 (http_proxy)");
    set("http_proxy", "user:secret@");
    EXPECT_EQ(proxy_note("http://gw.example"), "; the request goes through the proxy (http_proxy)");
}

TEST_F(ProxyNote, FollowsTheOrderOfTheVariables) {
    set("ALL_PROXY", "socks5h://all:1080");
    EXPECT_EQ(proxy_note("http://gw.example"),
              "; the request goes through the proxy socks5h://all:1080 (ALL_PROXY)");
    set("HTTPS_PROXY", "http://tls:1");
    EXPECT_EQ(proxy_note("https://gw.example"),
              "; the request goes through the proxy http://tls:1 (HTTPS_PROXY)");
}

TEST_F(ProxyNote, IsEmptyIfNoProxyIsUsed) {
    set("http_proxy", "http://proxy:3128");
    for (const auto* url : {"http://localhost:8080", "http://127.0.0.2", "no url", ""}) {
        EXPECT_EQ(proxy_note(url), "") << url;
    }
    set("no_proxy", "intern, .example.org,10.0.0.1,192.168.0.0/16");
    for (const auto* url : {"http://intern", "http://a.intern", "http://gw.Example.org:1",
                            "http://10.0.0.1:8", "http://192.168.3.4"}) {
        EXPECT_EQ(proxy_note(url), "") << url;
    }
    EXPECT_NE(proxy_note("http://notintern"), "");
    EXPECT_NE(proxy_note("http://example.com"), "");
    set("no_proxy", "*");
    EXPECT_EQ(proxy_note("http://example.com"), "");
}

}  // namespace
}  // namespace millrace::http
