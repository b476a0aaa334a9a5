// Result<T>: a value or an Error. An alias over boost::system::result, used only through the part
// it shares with std::expected (has_value, operator*, operator->, error), so that C++23 is a change
// to this file alone.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <utility>

#include "common/base/error.h"

namespace millrace {

// What `.value()` on an error throws; found by argument-dependent lookup.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
    throw std::runtime_error(to_string(error));
}

template <class T>
using Result = boost::system::result<T, Error>;

using Status = Result<void>;

inline Status ok() {
    return {};
}

}  // namespace millrace

#define MILLRACE_CONCAT_INNER(a, b) a##b
#define MILLRACE_CONCAT(a, b) MILLRACE_CONCAT_INNER(a, b)

// TRY(auto value, expression): binds the value, or returns the expression's error.
#define TRY(declaration, ...) \
    TRY_INNER(MILLRACE_CONCAT(try_result_, __LINE__), declaration, __VA_ARGS__)
#define TRY_INNER(result, declaration, ...)                    \
    auto result = (__VA_ARGS__);                               \
    if (!result.has_value()) return std::move(result).error(); \
    declaration = *std::move(result)

// TRY_STATUS(expression): returns the expression's error, if it has one.
#define TRY_STATUS(...) TRY_STATUS_INNER(MILLRACE_CONCAT(try_status_, __LINE__), __VA_ARGS__)
#define TRY_STATUS_INNER(result, ...) \
    if (auto result = (__VA_ARGS__); !result.has_value()) return std::move(result).error()
