// The suite ends without running destructors of static objects: a consumer that was left behind
// with its threads (common/broker/kafka/kafka_broker.h) may still use them.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const int code = RUN_ALL_TESTS();
    std::fflush(nullptr);
    std::quick_exit(code);
}
