#include "worker/backends/text_stream.h"

#include <algorithm>
#include <cstdint>

#include "common/base/check.h"

namespace millrace::worker {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What a first byte promises (RFC 3629, section 4): how many bytes, and the range of the second,
// which rules out overlong forms, surrogates and code points past U+10FFFF.
struct Lead {
    std::size_t length = 0;  // 0: no character starts like this.
    std::uint8_t second_min = 0x80;
    std::uint8_t second_max = 0xBF;
};

Lead lead_of(std::uint8_t byte) {
    if (byte < 0x80) return {1};
    if (byte >= 0xC2 && byte <= 0xDF) return {2};
    if (byte == 0xE0) return {3, 0xA0, 0xBF};
    if (byte == 0xED) return {3, 0x80, 0x9F};
    if (byte >= 0xE1 && byte <= 0xEF) return {3};
    if (byte == 0xF0) return {4, 0x90, 0xBF};
    if (byte >= 0xF1 && byte <= 0xF3) return {4};
    if (byte == 0xF4) return {4, 0x80, 0x8F};
    return {};
}

// The longest end of `text` that is a start of `stop`.
std::size_t overlap(std::string_view text, std::string_view stop) {
    for (auto size = std::min(text.size(), stop.size() - 1); size > 0; --size) {
        if (text.ends_with(stop.substr(0, size))) return size;
    }
    return 0;
}

}  // namespace

void take_whole_characters(std::string& bytes, std::string& text) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto lead = lead_of(static_cast<std::uint8_t>(bytes[at]));
        std::size_t have = 1;
        bool broken = lead.length == 0;
        while (!broken && have < lead.length && at + have < bytes.size()) {
            const auto next = static_cast<std::uint8_t>(bytes[at + have]);
            const auto min = have == 1 ? lead.second_min : std::uint8_t{0x80};
            const auto max = have == 1 ? lead.second_max : std::uint8_t{0xBF};
            broken = next < min || next > max;
            if (!broken) ++have;
        }
        if (!broken && have < lead.length) break;
        text.append(broken ? kReplacement : std::string_view(bytes).substr(at, have));
        at += have;
    }
    bytes.erase(0, at);
}

std::string TextStream::append(std::string_view piece) {
    CHECK(!stopped_);
    bytes_ += piece;
    take_whole_characters(bytes_, held_);
    return release(/*all=*/false);
}

std::string TextStream::finish() {
    if (stopped_) return {};
    if (!bytes_.empty()) held_ += kReplacement;
    bytes_.clear();
    return release(/*all=*/true);
}

std::string TextStream::release(bool all) {
    auto end = held_.size();
    for (const auto& stop : stops_) {
        const auto found = held_.find(stop);
        if (found == std::string::npos) continue;
        stopped_ = true;
        end = std::min(end, found);
    }
    if (!stopped_ && !all) {
        std::size_t kept = 0;
        for (const auto& stop : stops_) kept = std::max(kept, overlap(held_, stop));
        end -= kept;
    }
    auto text = held_.substr(0, end);
    held_.erase(0, end);
    if (stopped_) held_.clear();
    return text;
}

}  // namespace millrace::worker
