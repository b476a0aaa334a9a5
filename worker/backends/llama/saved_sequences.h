// The memory of sequences that were taken for another job, kept in main memory: the tokens, and
// what the model computed for them. A job that begins with the same tokens gets it back.
//
// Bounded in bytes: the least recently used entries make room, and an entry larger than the bound
// is not kept.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <list>
#include <span>
#include <vector>

#include "worker/backends/llama/tokens.h"

namespace millrace::backends::llama {

class SavedSequences {
 public:
    struct Saved {
        std::vector<Token> tokens;
        SequenceState state;
    };
    struct Match {
        const Saved* saved = nullptr;  // Valid until the next add().
        std::size_t shared = 0;        // The number of tokens in the common beginning.
    };

    explicit SavedSequences(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    bool fits(std::size_t state_bytes) const { return state_bytes <= bytes_max_; }
    // Adds the entry, and drops those that it continues. Requires: fits().
    void add(Saved saved);
    // The entry with the longest common beginning; none if all differ from the first token.
    Match find(std::span<const Token> tokens) const;
    // Marks the entry as used now.
    void touch(const Saved& saved);

    std::size_t bytes() const { return bytes_; }
    std::size_t size() const { return saved_.size(); }

 private:
    void drop(std::list<Saved>::iterator saved);

    const std::size_t bytes_max_;
    std::list<Saved> saved_;  // The most recently used comes first.
    std::size_t bytes_ = 0;   // Of their states: the tokens are negligible.
};

}  // namespace millrace::backends::llama
