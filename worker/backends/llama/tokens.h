// The vocabulary of the llama backend: tokens, and the memory of a sequence.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace millrace::backends::llama {

using Token = std::int32_t;

// What the model computed for a sequence, in the library's format.
struct SequenceState {
    std::unique_ptr<std::byte[]> data;
    std::size_t size = 0;

    std::span<const std::byte> bytes() const { return {data.get(), size}; }
};

inline std::size_t common_prefix(std::span<const Token> a, std::span<const Token> b) {
    const auto ends = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<std::size_t>(ends.first - a.begin());
}

}  // namespace millrace::backends::llama
