// The engine's sequences: which are free, and what each remembers of its previous jobs.
//
// A job gets a free sequence together with the longest beginning of its tokens that is known
// anywhere: in the sequence itself, in a copy from another one, or in what was saved when a
// sequence was taken for another job. Only the rest is left to compute.
//
//   sequence 0  [system prompt · question 1 · answer 1]     ← free: remembers
//   sequence 1  [system prompt · question 2 · ans…          ← taken
//   saved       [another prompt · question · answer]        ← in main memory
//   new job     [system prompt · question 3]                → sequence 0, computes "question 3"
//
// Taken sequences are kept side by side, because the library computes only runs of consecutive
// sequences together.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "worker/backends/llama/engine.h"
#include "worker/backends/llama/saved_sequences.h"
#include "worker/backends/llama/tokens.h"

namespace millrace::backends::llama {

// A common beginning of fewer tokens is not worth a copy or a wait: computing it is as fast.
constexpr std::size_t kWorthTokens = 32;
// The number of steps for which taken sequences may stand apart before one is moved. The next job
// often fills the gap, and a move copies the whole memory of a sequence.
constexpr int kStepsApart = 8;

struct Sequence {
    int id = 0;
    std::vector<Token> memory;  // The tokens that it remembers.
    bool taken = false;
    bool needed = false;  // A preempted job will need it: saved unless wholly known elsewhere.
    std::uint64_t last_used = 0;
};

class Sequences {
 public:
    Sequences(LlamaEngine& engine, int count, std::size_t saved_bytes_max);

    // The number of tokens that need not be computed. The last always must be: sampling needs its
    // result.
    std::size_t known(std::span<const Token> tokens) const;

    // Returns a sequence that remembers the beginning of the tokens and nothing else. Null if it
    // must first wait for the step that copies from it. Requires: one is free.
    Sequence* take(std::span<const Token> tokens);
    // The sequence keeps its memory for later jobs.
    void release(Sequence& sequence, bool needed);

    // Call once a step, before its tokens are added. If the taken sequences have stood apart for
    // long, moves one next to others. From then on `from` is free, and `to` taken.
    struct Move {
        const Sequence* from;
        Sequence* to;
    };
    std::optional<Move> gather();

    // Call after a step that failed.
    void forget_all();

 private:
    using Run = std::span<Sequence>;
    std::vector<Run> runs_of_taken();
    bool is_beside_taken(const Sequence& sequence) const;
    Sequence& best_free(std::span<const Token> tokens);
    Sequence& least_needed_free();
    const Sequence& best(std::span<const Token> tokens) const;
    std::size_t restore(Sequence& sequence, const SavedSequences::Saved& saved,
                        std::span<const Token> tokens);
    void save(const Sequence& sequence, std::size_t kept);

    LlamaEngine& engine_;
    std::vector<Sequence> sequences_;
    SavedSequences saved_;
    std::uint64_t uses_ = 0;
    int steps_apart_ = 0;
};

}  // namespace millrace::backends::llama
