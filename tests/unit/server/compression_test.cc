#include "producer/server/compression.h"

#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"

namespace millrace::server {
namespace {

std::string gzip(std::string text) {
    Deflater deflater(std::move(text));
    while (!deflater.step()) {
    }
    return deflater.result();
}

struct Inflated {
    std::optional<InflateFault> fault;
    std::string body;
    std::size_t reserved = 0;
};

Inflated inflated(std::string_view coding, std::string_view text, std::size_t most,
                  std::size_t room = 1 << 30) {
    Inflated result;
    const auto reserve = [&](std::size_t bytes) {
        if (result.reserved + bytes > room) return false;
        result.reserved += bytes;
        return true;
    };
    result.fault = inflate(coding, text, most, reserve, result.body);
    return result;
}

TEST(Compression, RoundTrips) {
    test::SeededRandom random(1);
    std::string noise;
    for (int i = 0; i < 1'500'000; ++i) noise += static_cast<char>(random.next());
    const std::string sizes[] = {std::string(), std::string("a"), std::string(256 * 1024, 'b'),
                                 std::string(3'000'000, 'c'), noise};
    for (const auto& text : sizes) {
        const auto result = inflated("gzip", gzip(text), text.size());
        EXPECT_FALSE(result.fault) << text.size();
        EXPECT_EQ(result.body, text);
    }
}

TEST(Compression, StopsABombAtTheLimit) {
    const auto bomb = gzip(std::string(100'000'000, 'x'));
    EXPECT_LT(bomb.size(), 1'000'000U);
    const auto result = inflated("gzip", bomb, 1'000'000);
    EXPECT_EQ(result.fault, InflateFault::kTooLarge);
    EXPECT_LE(result.reserved, 1'000'001U);
    EXPECT_EQ(inflated("gzip", bomb, 100'000'000, 500'000).fault, InflateFault::kNoRoom);
}

TEST(Compression, TakesConcatenatedMembersAndReservesNothingForEmptyOnes) {
    std::string members;
    for (int i = 0; i < 1000; ++i) members += gzip("");
    const auto result = inflated("x-gzip", gzip("a") + members + gzip("b"), 10);
    EXPECT_FALSE(result.fault);
    EXPECT_EQ(result.body, "ab");
    EXPECT_LE(result.reserved, 11U);
}

TEST(Compression, RefusesIncompleteStreams) {
    const auto good = gzip("some text that is long enough to be cut in the middle of it");
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_EQ(inflated("gzip", good.substr(0, size), 1000).fault, InflateFault::kMalformed)
            << size;
    }
    EXPECT_EQ(inflated("gzip", good + "x", 1000).fault, InflateFault::kMalformed);
    EXPECT_EQ(inflated("gzip", "{}", 1000).fault, InflateFault::kMalformed);
    EXPECT_EQ(inflated("deflate", good, 1000).fault, InflateFault::kMalformed);
    auto damaged = good;
    damaged[damaged.size() - 6] ^= 1;  // A byte of the checksum.
    EXPECT_EQ(inflated("gzip", damaged, 1000).fault, InflateFault::kMalformed);
}

TEST(Compression, KnowsTheCodingsOfABody) {
    for (const auto* none : {"", "identity", " Identity "}) {
        EXPECT_EQ(body_coding(none), BodyCoding::kNone) << none;
    }
    for (const auto* known : {"gzip", "GZIP", "x-gzip", "deflate"}) {
        EXPECT_EQ(body_coding(known), BodyCoding::kKnown) << known;
    }
    for (const auto* unknown : {"br", "zstd", "gzip, gzip", "gzip;q=1", "aws-chunked"}) {
        EXPECT_EQ(body_coding(unknown), BodyCoding::kUnknown) << unknown;
    }
}

TEST(Compression, ReadsWhatAClientAccepts) {
    struct Case {
        std::string_view field;
        bool gzip;
        bool plain;
    };
    for (const auto& [field, gzip, plain] : {
             Case{"", false, true},
             Case{"gzip", true, true},
             Case{"GZip, deflate, br, zstd", true, true},
             Case{"x-gzip", true, true},
             Case{"br", false, true},
             Case{"gzip;q=0", false, true},
             Case{"gzip; q=0.001", true, true},
             Case{"gzip;Q=0.000", false, true},
             Case{"*", true, true},
             Case{"*;q=0", false, false},
             Case{"*, gzip;q=0", false, true},
             Case{"identity;q=0, *", true, false},
             Case{"gzip, identity;q=0", true, false},
             Case{"gzip, *;q=0", true, false},
             Case{"gzip;q=2", false, true},
             Case{"gzip;q=", false, true},
             Case{"gzip;q=-1", false, true},
             Case{"gzip;level=9", true, true},
             Case{",,gzip,,", true, true},
             Case{"\"gzip\"", false, true},
             Case{"gzipped", false, true},
         }) {
        const auto accepted = accepted_coding(field);
        EXPECT_EQ(accepted.gzip, gzip) << field;
        EXPECT_EQ(accepted.plain, plain) << field;
    }
}

}  // namespace
}  // namespace millrace::server
