// Result<T>: a value or an Error. An alias for boost::system::result. Only the part that it shares
// with std::expected is used (has_value, operator*, operator->, error), so that moving to C++23
// changes this file alone.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <utility>

#include "common/base/error.h"

namespace millrace {

// Defines what `.value()` throws on an error; found by argument-dependent lookup.
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

// TRY_STATUS(expression): returns the expression's error if there is one.
#define TRY_STATUS(...) TRY_STATUS_INNER(MILLRACE_CONCAT(try_status_, __LINE__), __VA_ARGS__)
#define TRY_STATUS_INNER(result, ...) \
    if (auto result = (__VA_ARGS__); !result.has_value()) return std::move(result).error()
