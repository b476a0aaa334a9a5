#include "worker/backends/text_stream.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/text.h"

namespace millrace::backends {
namespace {

// The size of the longest end of `text` that is a beginning of `stop`.
std::size_t overlap(std::string_view text, std::string_view stop) {
    for (auto size = std::min(text.size(), stop.size() - 1); size > 0; --size) {
        if (text.ends_with(stop.substr(0, size))) return size;
    }
    return 0;
}

}  // namespace

std::string TextStream::append(std::string_view piece) {
    CHECK(!stopped_);
    bytes_ += piece;
    take_whole_characters(bytes_, held_);
    return release(/*all=*/false);
}

std::string TextStream::finish() {
    if (stopped_) return {};
    if (!bytes_.empty()) held_ += kReplacementCharacter;
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

}  // namespace millrace::backends
