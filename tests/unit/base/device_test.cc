#include "common/base/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Device, IsAnAcceleratorAsCudaNamesIt) {
    for (const auto* text : {"0", "12", "GPU-5f3a", "MIG-1b2c-77", "MIG-GPU-5f3a/1/0"}) {
        const auto device = parse_device(text);
        ASSERT_TRUE(device.has_value()) << text;
        EXPECT_THAT(device->accelerators, ElementsAre(text));
        EXPECT_THAT(device->processors, IsEmpty());
    }
}

TEST(Device, IsAProcessorOrARangeOfThem) {
    EXPECT_THAT(parse_device("cpu:5")->processors, ElementsAre(5));
    EXPECT_THAT(parse_device("cpu:0-3")->processors, ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(parse_device("cpu:1023")->processors, ElementsAre(1023));
    EXPECT_THAT(parse_device("cpu:0-3")->accelerators, IsEmpty());
}

TEST(Device, IsSeveralOfTheseTogether) {
    const auto device = parse_device("1+cpu:8-9+0+cpu:0+cpu:9");
    ASSERT_TRUE(device.has_value());
    EXPECT_THAT(device->accelerators, ElementsAre("1", "0"));
    EXPECT_THAT(device->processors, ElementsAre(0, 8, 9));
}

TEST(Device, RefusesAnythingElseAndSaysWhatToWrite) {
    for (const auto* text : {"", "+", "0+", "gpu0", "cuda:0", "-1", "0-1", "GPU-", "GPU-a b", "cpu",
                             "cpu:", "cpu:a", "cpu:3-1", "cpu:0-", "cpu:1024", "cpu:0,1"}) {
        const auto device = parse_device(text);
        ASSERT_FALSE(device.has_value()) << text;
        EXPECT_EQ(device.error().code, ErrorCode::kInvalidArgument);
        EXPECT_THAT(device.error().message, HasSubstr("write a number (0)"));
    }
    EXPECT_THAT(parse_device("0+cuda:1").error().message, HasSubstr("'cuda:1' is not a device"));
}

}  // namespace
}  // namespace millrace
