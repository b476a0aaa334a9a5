#include "worker/backends/llama/saved_sequences.h"

#include <utility>

#include "common/base/check.h"

namespace millrace::backends::llama {

void SavedSequences::add(Saved saved) {
    CHECK(fits(saved.state.size));
    for (auto other = saved_.begin(); other != saved_.end();) {
        const auto next = std::next(other);
        if (common_prefix(other->tokens, saved.tokens) == other->tokens.size()) drop(other);
        other = next;
    }
    while (bytes_ + saved.state.size > bytes_max_) drop(std::prev(saved_.end()));
    bytes_ += saved.state.size;
    saved_.push_front(std::move(saved));
}

SavedSequences::Match SavedSequences::find(std::span<const Token> tokens) const {
    Match best;
    for (const auto& saved : saved_) {
        const auto shared = common_prefix(saved.tokens, tokens);
        if (shared > best.shared) best = {&saved, shared};
    }
    return best;
}

void SavedSequences::touch(const Saved& saved) {
    for (auto at = saved_.begin(); at != saved_.end(); ++at) {
        if (&*at == &saved) return saved_.splice(saved_.begin(), saved_, at);
    }
}

void SavedSequences::drop(std::list<Saved>::iterator saved) {
    bytes_ -= saved->state.size;
    saved_.erase(saved);
}

}  // namespace millrace::backends::llama
