#include "producer/server/chunked_body.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::server {
namespace {

using Status = ChunkedBody::Status;

constexpr std::size_t kBodyMax = 100;
constexpr std::size_t kFramingMax = 50;

struct Read {
    Status status;
    std::string body;
    std::size_t taken;

    bool operator==(const Read&) const = default;
};

// Reads the text in pieces of this many bytes.
Read read(std::string_view text, std::size_t piece) {
    ChunkedBody chunks(kBodyMax, kFramingMax);
    std::size_t taken = 0;
    while (taken < text.size()) {
        const auto part = text.substr(taken, piece);
        const auto size = chunks.take(part);
        taken += size;
        if (size < part.size() || chunks.status() != Status::kMore) break;
    }
    return {chunks.status(), chunks.body(), taken};
}

TEST(ChunkedBody, IsTheSameHoweverItIsSplit) {
    const std::string text =
        "5\r\nhello\r\n1;a=b;c=\"d; e\"\r\n,\r\n006 ; x\r\n world\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n";
    for (std::size_t piece = 1; piece <= text.size() + 5; ++piece) {
        EXPECT_EQ(read(text + "GET /", piece), (Read{Status::kDone, "hello, world", text.size()}))
            << piece;
    }
}

TEST(ChunkedBody, MayBeEmptyOrOfTinyChunks) {
    EXPECT_EQ(read("0\r\n\r\n", 1), (Read{Status::kDone, "", 5}));
    std::string tiny;
    for (std::size_t i = 0; i < kBodyMax; ++i) tiny += "1\r\nx\r\n";
    EXPECT_EQ(read(tiny + "0\r\n\r\n", 7).body, std::string(kBodyMax, 'x'));
}

TEST(ChunkedBody, TooLargeIsDetectedBeforeItArrives) {
    EXPECT_EQ(read("64\r\n", 1).status, Status::kMore);
    for (const auto* size : {"65", "ffffffff", "FFFFFFFFFFFFFFFF", "7fffffffffffffff"}) {
        EXPECT_EQ(read(std::string(size) + "\r\n", 1).status, Status::kTooLarge) << size;
    }
    EXPECT_EQ(read("60\r\n" + std::string(0x60, 'x') + "\r\n5\r\n", 9).status, Status::kTooLarge);
}

// Refused is whatever another reader of the same bytes could take for something else.
TEST(ChunkedBody, RefusesMalformedChunks) {
    for (const std::string text : {
             "\r\n",
             "x\r\n",
             ";\r\n",
             " 5\r\nhello\r\n",
             "+5\r\nhello\r\n",
             "-5\r\nhello\r\n",
             "0x5\r\nhello\r\n",
             "5\nhello\r\n",
             "5\r\rhello\r\n",
             "5 \r\nhello\r\n",
             "5 5\r\nhello\r\n",
             "5\r\nhello5\r\n",
             "5\r\nhello\n5\r\n",
             "5\r\nhello\r5\r\n",
             "5;a\nb\r\nhello\r\n",
             "5;\x01\r\nhello\r\n",
             "5;\r\nhello\r\n",
             "5; \r\nhello\r\n",
             "5;;a\r\nhello\r\n",
             "00000000000000005\r\nhello\r\n",
             "0\r\n\n",
             "0\r\n X: folded\r\n\r\n",
             "0\r\n: y\r\n\r\n",
             "0\r\nX y\r\n\r\n",
             "0\r\nX : y\r\n\r\n",
             "0\r\nX: y\nZ: z\r\n\r\n",
             "0\r\nX: \x01\r\n\r\n",
             "0\r\nX: y\r\rZ\r\n\r\n",
         }) {
        for (const std::size_t piece : {1, 1000}) {
            EXPECT_EQ(read(text, piece).status, Status::kMalformed) << text;
        }
    }
}

TEST(ChunkedBody, BoundsTheBytesAroundTheContent) {
    EXPECT_EQ(read("1;" + std::string(kFramingMax + 1, 'a'), 10).status, Status::kMalformed);
    EXPECT_EQ(read("0\r\nX:" + std::string(kFramingMax + 1, 'a'), 10).status, Status::kMalformed);
    std::string many;
    for (std::size_t i = 0; i < kFramingMax; ++i) many += "1;a\r\nx\r\n";
    EXPECT_EQ(read(many, 10).status, Status::kMalformed);
}

TEST(ChunkedBodyFuzz, NeverHoldsTooMuchAndReadsOneWay) {
    test::SeededRandom random(7);
    static constexpr std::string_view kBytes = "0123aF;: \r\n\r\n\r\nxy\x01";
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (auto n = random.below(60); n > 0; --n) text += kBytes[random.below(kBytes.size())];
        const auto whole = read(text, 1000);
        EXPECT_LE(whole.body.size(), kBodyMax);
        EXPECT_EQ(read(text, 1 + random.below(5)), whole) << text;
    }
}

}  // namespace
}  // namespace millrace::server
