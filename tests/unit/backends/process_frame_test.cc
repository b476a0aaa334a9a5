#include <gtest/gtest.h>

#include "worker/backends/process/frame.h"

namespace millrace::worker {
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

TEST(ProcessFrame, ComesBackWholeHoweverItIsCutUp) {
    const auto bytes = frame("{\"a\":1}") + frame("") + frame("{\"b\":2}");
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameReader reader(100);
        std::vector<std::string> frames;
        for (std::size_t begin = 0; begin < bytes.size(); begin += piece) {
            reader.append(std::string_view(bytes).substr(begin, piece));
            while (const auto next = reader.next().value()) frames.emplace_back(*next);
        }
        EXPECT_EQ(frames, (std::vector<std::string>{"{\"a\":1}", "", "{\"b\":2}"})) << piece;
    }
}

TEST(ProcessFrame, IsRefusedByItsLengthAlone) {
    FrameReader reader(100);
    reader.append(frame(std::string(100, ' ')) + "\0\0\0\x65"s);
    EXPECT_TRUE(reader.next().value());
    const auto refused = reader.next();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kDataCorrupt);
    EXPECT_EQ(refused.error().message, "a frame of 101 bytes, more than the 100 allowed");
}

}  // namespace
}  // namespace millrace::worker
