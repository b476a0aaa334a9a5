// What lies between the openai backend and a server: TLS, compression, redirects.
#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "common/base/check.h"
#include "common/process/temporary_directory.h"
#include "tests/integration/backends/openai_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

constexpr auto kEmbedding =
    R"({"data":[{"embedding":[1.50,-2]}],  "usage":{"prompt_tokens":4,"total_tokens":4}})";

class OpenAiTls : public OpenAi {
 protected:
    std::string file_of(const std::string& name, const std::string& text) {
        const auto path = (directory_->path() / name).string();
        std::ofstream(path) << text;
        return path;
    }
    Outcome answer_with(const std::string& ca_file) {
        backend_.reset();
        start({.base_urls = {secure_.url()}, .ca_file = ca_file});
        return outcome_of();
    }

    const std::shared_ptr<const test::TlsIdentity> identity_ =
        std::make_shared<test::TlsIdentity>();
    test::FakeServer secure_{answer_hello, {.identity = identity_}};
    Result<millrace::process::TemporaryDirectory> directory_ =
        millrace::process::TemporaryDirectory::make("millrace-tls-");
};

TEST_F(OpenAiTls, TrustsAConfiguredCa) {
    ASSERT_TRUE(secure_.url().starts_with("https://"));
    const auto outcome = answer_with(file_of("ca.pem", identity_->ca_pem()));
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_EQ(json::parse(outcome.output_json)["choices"][0]["message"]["content"], "Hello");
    EXPECT_EQ(secure_.requests(), 1);
}

TEST_F(OpenAiTls, SendsNothingToAServerThatItDoesNotTrust) {
    for (const auto& ca_file :
         {std::string(), file_of("other.pem", test::TlsIdentity().ca_pem())}) {
        const auto outcome = answer_with(ca_file);
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited);
        EXPECT_EQ(outcome.error_code, "endpoint_unreachable");
        EXPECT_NE(outcome.error_message.find("ca_file"), std::string::npos)
            << outcome.error_message;
    }
    EXPECT_EQ(secure_.requests(), 0);
}

std::string gzip(const std::string& text) {
    constexpr int kWindowBits = 15 + 16;  // With gzip's header.
    z_stream zip{};
    CHECK(deflateInit2(&zip, 6, Z_DEFLATED, kWindowBits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string packed(deflateBound(&zip, text.size()), '\0');
    zip.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    zip.avail_in = static_cast<uInt>(text.size());
    zip.next_out = reinterpret_cast<Bytef*>(packed.data());
    zip.avail_out = static_cast<uInt>(packed.size());
    CHECK(deflate(&zip, Z_FINISH) == Z_STREAM_END);
    packed.resize(zip.total_out);
    deflateEnd(&zip);
    return packed;
}

test::FakeServer::Handler compressed(const std::string& type, const std::string& body) {
    return [type, packed = gzip(body)](test::Exchange& exchange) {
        EXPECT_EQ(exchange.header("accept-encoding"), "identity");
        exchange.reply(200, type, packed, "Content-Encoding: gzip\r\n");
    };
}

// Some proxies compress whatever the request says.
TEST_F(OpenAi, DecompressesUnrequestedCompression) {
    start_with(compressed("application/json", kEmbedding));
    const auto vectors = outcome_of(R"({"input":"a"})");
    ASSERT_EQ(vectors.kind, OutcomeKind::kCompleted) << vectors.error_message;
    EXPECT_EQ(vectors.output_json, kEmbedding);

    start_with(compressed("text/event-stream", "data: " + chat_delta("Hello") + "\n\ndata: " +
                                                   kChatEnd + "\n\ndata: [DONE]\n\n"));
    const auto chat = outcome_of();
    ASSERT_EQ(chat.kind, OutcomeKind::kCompleted) << chat.error_message;
    EXPECT_EQ(json::parse(chat.output_json)["choices"][0]["message"]["content"], "Hello");
}

// The answer is plain, whatever such a name means.
TEST_F(OpenAi, TakesAnAnswerWithoutACodingUnchanged) {
    for (const auto* coding : {"UTF-8", "aws-chunked", "none", "identity", "gzip, utf-8", ""}) {
        const auto header = "Content-Encoding: " + std::string(coding) + "\r\n";
        start_with([&](test::Exchange& exchange) {
            exchange.reply(200, "application/json", kEmbedding, header);
        });
        const auto vectors = outcome_of(R"({"input":"a"})");
        EXPECT_EQ(vectors.kind, OutcomeKind::kCompleted) << coding << vectors.error_message;
        EXPECT_EQ(vectors.output_json, kEmbedding);
    }
}

TEST_F(OpenAi, DecompressedAnswersAreBounded) {
    const auto body = R"({"data":[{"embedding":[)" + std::string(1 << 20, '1') + "]}]}";
    start_with(compressed("application/json", body), {.output_bytes_max = 1000});
    EXPECT_EQ(outcome_of(R"({"input":"a"})").error_code, "output_too_large");
}

TEST_F(OpenAi, ARedirectIsNamedAndNotFollowed) {
    for (const auto* to : {"https://me:secret@login.example/sso?token=secret#secret",
                           "//login.example/sso?token=secret"}) {
        start_with([&](test::Exchange& exchange) {
            exchange.reply(307, "text/html", "", "Location: " + std::string(to) + "\r\n");
        });
        const auto outcome = outcome_of();
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
        EXPECT_EQ(outcome.error_code, "http_307");
        EXPECT_NE(outcome.error_message.find("://login.example/sso"), std::string::npos)
            << outcome.error_message;
        EXPECT_EQ(outcome.error_message.find("secret"), std::string::npos);
        EXPECT_EQ(server_->requests(), 1);
    }
    start_with([](test::Exchange& exchange) {
        exchange.reply(301, "text/html", "", "Location: /openai/v1/chat/completions\r\n");
    });
    EXPECT_NE(outcome_of().error_message.find(server_->url() + "/openai/v1/chat/completions"),
              std::string::npos);
}

}  // namespace
}  // namespace millrace::backends
