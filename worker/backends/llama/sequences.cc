#include "worker/backends/llama/sequences.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::worker {
namespace {

std::size_t shared(std::span<const Token> memory, std::span<const Token> tokens) {
    return std::min(common_prefix(memory, tokens), tokens.size() - 1);
}

}  // namespace

Sequences::Sequences(LlamaEngine& engine, int count, std::size_t saved_bytes_max)
    : engine_(engine), saved_(saved_bytes_max) {
    for (int i = 0; i < count; ++i) sequences_.push_back({.id = i});
}

std::size_t Sequences::known(std::span<const Token> tokens) const {
    const auto saved = std::min(saved_.find(tokens).shared, tokens.size() - 1);
    return std::max(shared(best(tokens).memory, tokens), saved);
}

Sequence* Sequences::take(std::span<const Token> tokens) {
    auto* sequence = &best_free(tokens);
    const auto own = shared(sequence->memory, tokens);
    const auto& other = best(tokens);
    const auto copied = shared(other.memory, tokens);
    const auto match = saved_.find(tokens);
    const auto restored = std::min(match.shared, tokens.size() - 1);

    std::size_t kept = 0;
    if (std::max(copied, restored) < own + kWorthTokens) {
        save(*sequence, own);
        kept = engine_.keep_prefix(sequence->id, own);
    } else if (copied >= restored) {
        sequence = &oldest_free();
        save(*sequence, 0);
        kept = engine_.copy_prefix(other.id, sequence->id, copied);
        sequence->memory = other.memory;
    } else {
        // Another sequence may still be about to get what this one remembers.
        if (engine_.copy_pending()) return nullptr;
        sequence = &oldest_free();
        kept = restore(*sequence, *match.saved, tokens);
    }
    sequence->memory.resize(kept);
    sequence->taken = true;
    sequence->needed = false;
    sequence->last_used = ++uses_;
    return sequence;
}

std::size_t Sequences::restore(Sequence& sequence, const SavedSequences::Saved& saved,
                               std::span<const Token> tokens) {
    saved_.touch(saved);
    save(sequence, 0);
    // That may have needed the room of all others.
    const auto match = saved_.find(tokens);
    if (match.saved == nullptr || !engine_.restore(sequence.id, match.saved->state.bytes())) {
        return engine_.keep_prefix(sequence.id, 0);
    }
    sequence.memory = match.saved->tokens;
    return engine_.keep_prefix(sequence.id, std::min(match.shared, tokens.size() - 1));
}

void Sequences::release(Sequence& sequence, bool needed) {
    CHECK(sequence.taken);
    sequence.taken = false;
    sequence.needed = needed;
    sequence.last_used = ++uses_;
}

void Sequences::forget_all() {
    for (auto& sequence : sequences_) {
        engine_.keep_prefix(sequence.id, 0);
        sequence.memory.clear();
    }
}

// Shares most; of equals the one that was used longest ago.
Sequence& Sequences::best_free(std::span<const Token> tokens) {
    Sequence* found = nullptr;
    for (auto& sequence : sequences_) {
        if (sequence.taken) continue;
        const auto more = shared(sequence.memory, tokens);
        const auto most = found ? shared(found->memory, tokens) : 0;
        const bool better =
            !found || more > most || (more == most && sequence.last_used < found->last_used);
        if (better) found = &sequence;
    }
    CHECK(found);
    return *found;
}

Sequence& Sequences::oldest_free() {
    return best_free({});
}

const Sequence& Sequences::best(std::span<const Token> tokens) const {
    return *std::max_element(sequences_.begin(), sequences_.end(),
                             [&](const Sequence& a, const Sequence& b) {
                                 return shared(a.memory, tokens) < shared(b.memory, tokens);
                             });
}

// Keeps what the sequence is about to forget, where most of it is known nowhere else: prompts that
// share their beginning with others and only end on their own are not worth the room.
void Sequences::save(const Sequence& sequence, std::size_t kept) {
    const auto size = sequence.memory.size();
    auto known = std::max(kept, saved_.find(sequence.memory).shared);
    for (const auto& other : sequences_) {
        if (&other == &sequence) continue;
        known = std::max(known, common_prefix(other.memory, sequence.memory));
    }
    const bool worth =
        sequence.needed ? known < size : known + kWorthTokens <= size && known <= size / 2;
    if (!worth || !saved_.fits(engine_.state_bytes(sequence.id))) return;
    auto state = engine_.save(sequence.id);
    if (state.size == 0) return;
    saved_.add({.tokens = sequence.memory, .state = std::move(state)});
}

}  // namespace millrace::worker
