#include "worker/backends/gguf.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

namespace millrace::backends {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kVersionMin = 2;
constexpr std::uint32_t kVersionMax = 3;

std::string printable(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += std::isprint(byte) ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
    }
    return text;
}

}  // namespace

Status check_gguf(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return invalid(fmt::format("'{}' is a folder; give the .gguf file in it", path));
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return Error{ErrorCode::kNotFound, fmt::format("cannot open the model file '{}': {}", path,
                                                       std::generic_category().message(errno))};
    }
    std::array<char, 8> head{};
    file.read(head.data(), head.size());
    const std::string_view found(head.data(), static_cast<std::size_t>(file.gcount()));
    if (found.size() < head.size() || !found.starts_with(kMagic)) {
        const auto what = found.empty() ? std::string("it is empty")
                                        : fmt::format("it starts with '{}'", printable(found));
        return invalid(
            fmt::format("'{}' is not a GGUF model file: {} instead of 'GGUF'; give a "
                        "model in llama.cpp's format",
                        path, what));
    }
    // Little-endian, as on all processors that llama.cpp's files are made for.
    std::uint32_t version = 0;
    std::memcpy(&version, head.data() + kMagic.size(), sizeof version);
    if (version < kVersionMin || version > kVersionMax) {
        return invalid(fmt::format("'{}' is GGUF version {}; versions {} to {} are known", path,
                                   version, kVersionMin, kVersionMax));
    }
    return ok();
}

}  // namespace millrace::backends
