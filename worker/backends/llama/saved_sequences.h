// What sequences remembered before they were taken for something else, kept in main memory: the
// tokens, and what the model computed for them. A job that begins with the same tokens gets it
// back.
//
// Bounded in bytes: what was used longest ago makes room, and what is larger than all the room is
// not kept.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <list>
#include <span>
#include <vector>

#include "worker/backends/llama/tokens.h"

namespace millrace::worker {

class SavedSequences {
 public:
    struct Saved {
        std::vector<Token> tokens;
        SequenceState state;
    };
    struct Match {
        const Saved* saved = nullptr;  // Until the next add().
        std::size_t shared = 0;        // Tokens that both begin with.
    };

    explicit SavedSequences(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    bool fits(std::size_t state_bytes) const { return state_bytes <= bytes_max_; }
    // In the place of those that it goes on from. Requires: fits().
    void add(Saved saved);
    // The one that shares the longest beginning; nothing where none shares any.
    Match find(std::span<const Token> tokens) const;
    // Counts as used now.
    void touch(const Saved& saved);

    std::size_t bytes() const { return bytes_; }
    std::size_t size() const { return saved_.size(); }

 private:
    void drop(std::list<Saved>::iterator saved);

    const std::size_t bytes_max_;
    std::list<Saved> saved_;  // The one used last is the first.
    std::size_t bytes_ = 0;   // Of their states: the tokens are as nothing beside them.
};

}  // namespace millrace::worker
