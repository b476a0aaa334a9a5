// Random bytes and damaged requests against a live server: it answers each with a problem or closes
// the connection, and goes on serving others.
#include <fmt/format.h>

#include "producer/server/compression.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/api/server_fixture.h"

namespace millrace::test {
namespace {

// Sends the bytes, closes our side and reads the answers; returns their statuses.
std::vector<int> statuses_of(RawClient connection, std::string_view bytes) {
    connection.send(bytes);
    connection.finish_sending();
    std::vector<int> statuses;
    const auto all = connection.read_all();
    for (auto at = all.find("HTTP/1.1 "); at != std::string::npos;
         at = all.find("HTTP/1.1 ", at + 1)) {
        // A problem may quote the request's own text.
        if (all[at + 9] >= '0' && all[at + 9] <= '9') {
            statuses.push_back(std::stoi(all.substr(at + 9, 3)));
        }
    }
    return statuses;
}

class RequestFuzzTest : public ServerTest {
 protected:
    // Sends 1500 damaged copies of the bytes, each on a connection of its own.
    void expect_no_server_errors(const std::string& good, SeededRandom& random) {
        for (int i = 0; i < 1500; ++i) {
            auto bytes = good;
            for (auto n = 1 + random.below(4); n > 0; --n) {
                const auto at = random.below(bytes.size());
                if (random.below(3) == 0)
                    bytes.erase(at, 1 + random.below(10));
                else
                    bytes[at] = static_cast<char>(random.next());
            }
            for (const auto status : statuses_of(client(), bytes)) {
                EXPECT_TRUE(status < 500 || status == 501) << status << "\n" << bytes;
            }
        }
        EXPECT_EQ(get("/healthz").status, 200);
    }
};

TEST_F(RequestFuzzTest, RandomBytesHarmNobody) {
    SeededRandom random(99);
    for (int i = 0; i < 300; ++i) {
        std::string bytes;
        for (auto n = random.below(2000); n > 0; --n) bytes += static_cast<char>(random.next());
        for (const auto status : statuses_of(client(), bytes)) {
            EXPECT_GE(status, 400);
            EXPECT_LT(status, 500);
        }
    }
    EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(RequestFuzzTest, DamagedRequestsNeverCauseAnErrorOfTheServer) {
    SeededRandom random(4);
    const auto good = post_request("/v1/jobs?", kJob, "Prefer: wait=0\r\nIdempotency-Key: k\r\n") +
                      get_request("/v1/jobs?status=queued&limit=5", "If-None-Match: \"a\"\r\n");
    expect_no_server_errors(good, random);
}

TEST_F(RequestFuzzTest, DamagedChunksAndCodingsNeverCauseAnErrorOfTheServer) {
    SeededRandom random(6);
    server::Deflater deflater{std::string(kJob)};
    while (!deflater.step()) {
    }
    const auto& packed = deflater.result();
    const auto in_chunks = [](std::string_view body, std::string_view headers) {
        return fmt::format(
            "POST /v1/jobs HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n{}\r\n"
            "5;a=b\r\n{}\r\n{:x}\r\n{}\r\n0\r\nT: x\r\n\r\n",
            headers, body.substr(0, 5), body.size() - 5, body.substr(5));
    };
    const auto good = in_chunks(kJob, "") + in_chunks(packed, "Content-Encoding: gzip\r\n") +
                      post_request("/v1/jobs", packed, "Content-Encoding: gzip\r\n") +
                      get_request("/v1/jobs", "Accept-Encoding: gzip;q=0.5, *;q=0\r\n");
    expect_no_server_errors(good, random);
}

TEST_F(RequestFuzzTest, DamagedBodiesAreAcceptedOrRefusedNeverMore) {
    SeededRandom random(5);
    const std::string good =
        R"({"model":"m","input":{"prompt":"h\u00e9","n":[1,{"a":null}]},"queue":"default",)"
        R"("priority":"low","policy":{"ttl":"24h","max_attempts":2},"metadata":{"k":"v"},)"
        R"("run_at":"2025-10-09T08:53:20Z"})";
    auto connection = client();
    for (int i = 0; i < 3000; ++i) {
        auto body = good;
        for (auto n = 1 + random.below(3); n > 0; --n) {
            const auto at = random.below(body.size());
            if (random.below(3) == 0)
                body.erase(at, 1 + random.below(6));
            else
                body[at] = static_cast<char>(random.next());
        }
        const auto answer = connection.exchange(post_request("/v1/jobs", body));
        ASSERT_TRUE(answer.status == 202 || answer.status == 400) << answer.status << "\n" << body;
        ASSERT_FALSE(json(answer).is_discarded()) << answer.body;
    }
}

}  // namespace
}  // namespace millrace::test
