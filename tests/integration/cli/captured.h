// A command's exit code and what it printed.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace millrace::cli {

inline constexpr const char* kJson = "application/json";

struct Outcome {
    int code = 0;
    std::string out;
    std::string error;
};

inline Outcome captured(const std::function<int()>& command) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.code = command();
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.error = testing::internal::GetCapturedStderr();
    return outcome;
}

}  // namespace millrace::cli
