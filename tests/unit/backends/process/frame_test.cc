#include <gtest/gtest.h>

#include "tests/support/seeded_random.h"
#include "worker/backends/process/frame.h"
#include "worker/backends/process/message.h"

namespace millrace::backends::process {
namespace {

using namespace std::string_literals;

std::string frame(std::string_view json) {
    std::string bytes;
    append_frame(bytes, json);
    return bytes;
}

TEST(ProcessFrame, IsALengthAndThatManyBytes) {
    EXPECT_EQ(frame("{}"), "\0\0\0\2{}"s);
    EXPECT_EQ(frame(std::string(0x010203, ' ')).substr(0, 4), "\0\1\2\3"s);
}

TEST(ProcessFrame, ComesBackWholeHoweverItIsSplit) {
    const auto bytes = frame("{\"a\":1}") + frame("") + frame("{\"b\":2}");
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameReader reader(100);
        std::vector<std::string> frames;
        for (std::size_t begin = 0; begin < bytes.size(); begin += piece) {
            reader.append(std::string_view(bytes).substr(begin, piece));
            while (const auto next = reader.next().value()) frames.emplace_back(next->json);
        }
        EXPECT_EQ(frames, (std::vector<std::string>{"{\"a\":1}", "", "{\"b\":2}"})) << piece;
    }
}

TEST(ProcessFrame, OnlyTheBeginningIsKeptIfItIsTooLong) {
    const auto text = R"({"type":"done","item":3,"output":")" + std::string(5000, 'x') + "\"}";
    const auto bytes = frame(text) + frame("{\"next\":1}");
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, bytes.size()}) {
        FrameReader reader(100);
        std::vector<std::string> frames;
        std::size_t left_out = 0;
        for (std::size_t begin = 0; begin < bytes.size(); begin += piece) {
            reader.append(std::string_view(bytes).substr(begin, piece));
            while (const auto next = reader.next().value()) {
                frames.emplace_back(next->json);
                left_out += next->left_out;
            }
        }
        ASSERT_EQ(frames.size(), 2U) << piece;
        EXPECT_EQ(frames[0], text.substr(0, FrameReader::kBeginningBytes));
        EXPECT_EQ(left_out, text.size() - FrameReader::kBeginningBytes);
        EXPECT_EQ(frames[1], "{\"next\":1}");
    }
}

TEST(ProcessFrame, InvalidOnesAreRefusedByTheirLength) {
    FrameReader reader(100);
    reader.append(frame(std::string(100, ' ')) + "\0\0\0\x65"s);
    EXPECT_TRUE(reader.next().value());
    EXPECT_FALSE(reader.next().value());
    reader.append("x");
    const auto refused = reader.next();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kDataCorrupt);
    EXPECT_EQ(refused.error().message, "a frame of 101 bytes, more than the 100 allowed");
    FrameReader printed(1 << 20);
    printed.append(" Loa");
    EXPECT_FALSE(printed.next().has_value()) << "text is told by its first four characters";
}

TEST(ProcessFrame, KeepsNothingBeyondTheLimitWhateverTheBytes) {
    test::SeededRandom random(3);
    for (int i = 0; i < 2000; ++i) {
        FrameReader reader(64);
        bool broken = false;
        for (int j = 0; j < 20 && !broken; ++j) {
            std::string bytes;
            for (auto n = random.below(40); n > 0; --n) {
                constexpr std::string_view kOften("\0\0\0{\x40\x41", 6);
                bytes += random.below(3) > 0 ? kOften[random.below(kOften.size())]
                                             : static_cast<char>(random.below(256));
            }
            reader.append(bytes);
            while (true) {
                const auto next = reader.next();
                broken = !next.has_value();
                if (broken || !*next) break;
                ASSERT_LE((*next)->json.size(), FrameReader::kBeginningBytes);
                (void)parse_message(**next);
            }
        }
    }
}

}  // namespace
}  // namespace millrace::backends::process
