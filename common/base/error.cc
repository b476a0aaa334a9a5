#include "common/base/error.h"

#include <array>
#include <utility>

#include "common/base/check.h"

namespace millrace {
namespace {

constexpr std::array kErrors{
    ErrorInfo{ErrorCode::kInvalidArgument, "invalid_argument", false, 400},
    ErrorInfo{ErrorCode::kNotFound, "not_found", false, 404},
    ErrorInfo{ErrorCode::kAlreadyExists, "already_exists", false, 409},
    ErrorInfo{ErrorCode::kConflict, "conflict", false, 409},
    ErrorInfo{ErrorCode::kResourceExhausted, "resource_exhausted", true, 429},
    ErrorInfo{ErrorCode::kUnavailable, "unavailable", true, 503},
    ErrorInfo{ErrorCode::kDeadlineExceeded, "deadline_exceeded", true, 504},
    ErrorInfo{ErrorCode::kOutcomeUnknown, "outcome_unknown", false, 504},
    ErrorInfo{ErrorCode::kCancelled, "cancelled", false, 499},
    ErrorInfo{ErrorCode::kDataCorrupt, "data_corrupt", false, 500},
    ErrorInfo{ErrorCode::kInternal, "internal", false, 500},
};

}  // namespace

std::span<const ErrorInfo> error_table() {
    return kErrors;
}

const ErrorInfo& error_info(ErrorCode code) {
    const auto& info = kErrors.at(static_cast<std::size_t>(code));
    CHECK(info.code == code);
    return info;
}

Error invalid(std::string message) {
    return {ErrorCode::kInvalidArgument, std::move(message)};
}

Error corrupt(std::string message) {
    return {ErrorCode::kDataCorrupt, std::move(message)};
}

std::string to_string(const Error& error) {
    return std::string(error_info(error.code).name) + ": " + error.message;
}

}  // namespace millrace
