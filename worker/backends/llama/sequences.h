// The engine's sequences: which are free, and what each remembers of the jobs that it had.
//
// A job gets a free sequence together with the longest beginning of its tokens that is known
// anywhere: what the sequence itself remembers, a copy from another one, or what was saved when a
// sequence had to be taken for something else. Only the rest is left to compute.
//
//   sequence 0  [system prompt · question 1 · answer 1]     ← free: remembers
//   sequence 1  [system prompt · question 2 · ans…          ← taken
//   saved       [another prompt · question · answer]        ← in main memory
//   new job     [system prompt · question 3]                → sequence 0, computes "question 3"
//
// Those that are taken are kept side by side: the library computes only runs of consecutive
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

namespace millrace::worker {

// A shorter beginning is not worth a copy or a wait: computing it takes no longer.
constexpr std::size_t kWorthTokens = 32;
// Steps that taken sequences may stand apart before one is moved: the next job often fills the gap,
// and a move copies the whole memory of a sequence.
constexpr int kStepsApart = 8;

struct Sequence {
    int id = 0;
    std::vector<Token> memory;  // The tokens that it remembers.
    bool taken = false;
    bool needed = false;  // By a job that comes back: saved whatever else is known.
    std::uint64_t last_used = 0;
};

class Sequences {
 public:
    Sequences(LlamaEngine& engine, int count, std::size_t saved_bytes_max);

    // How many of the tokens need not be computed. At least the last is: sampling needs what comes
    // out of it.
    std::size_t known(std::span<const Token> tokens) const;

    // A sequence that remembers the beginning of the tokens and nothing else. Null where it has to
    // wait for the step that copies from it. Requires: one is free.
    Sequence* take(std::span<const Token> tokens);
    // It goes on remembering, for jobs to come.
    void release(Sequence& sequence, bool needed);

    // To be called once a step, before its tokens are added. Where those that are taken have stood
    // apart for long, one goes next to others. From then on `from` is free, and `to` taken.
    struct Move {
        const Sequence* from;
        Sequence* to;
    };
    std::optional<Move> gather();

    // After a step that failed.
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

}  // namespace millrace::worker
