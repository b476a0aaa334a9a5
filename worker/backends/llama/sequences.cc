#include "worker/backends/llama/sequences.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::backends::llama {
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
        sequence = &least_needed_free();
        save(*sequence, 0);
        kept = engine_.copy_prefix(other.id, sequence->id, copied);
        sequence->memory = other.memory;
    } else {
        // Another sequence may be about to receive a copy of this one's memory.
        if (engine_.copy_pending()) return nullptr;
        sequence = &least_needed_free();
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
    // save() may have dropped the saved entry to make room.
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

// --- Side by side -------------------------------------------------------------------------------

std::optional<Sequences::Move> Sequences::gather() {
    const auto runs = runs_of_taken();
    if (runs.size() < 2) {
        steps_apart_ = 0;
        return std::nullopt;
    }
    if (++steps_apart_ < kStepsApart) return std::nullopt;
    steps_apart_ = 0;
    const auto [shortest, longest] = std::minmax_element(
        runs.begin(), runs.end(), [](Run a, Run b) { return a.size() < b.size(); });
    auto& from = shortest->front();
    // The free sequence next to the longest run, on the side of the shortest: there is at least one
    // between them.
    auto* to = from.id < longest->front().id ? &longest->front() - 1 : &longest->back() + 1;
    save(*to, 0);
    engine_.copy(from.id, to->id);
    to->memory = from.memory;
    to->taken = true;
    to->needed = false;
    from.taken = false;
    from.last_used = 0;  // Its memory is known elsewhere.
    return Move{&from, to};
}

std::vector<Sequences::Run> Sequences::runs_of_taken() {
    std::vector<Run> runs;
    for (auto first = sequences_.begin(); first != sequences_.end();) {
        const auto is_taken = [](const Sequence& sequence) { return sequence.taken; };
        first = std::find_if(first, sequences_.end(), is_taken);
        const auto end = std::find_if_not(first, sequences_.end(), is_taken);
        if (first != end) runs.emplace_back(first, end);
        first = end;
    }
    return runs;
}

bool Sequences::is_beside_taken(const Sequence& sequence) const {
    const auto id = static_cast<std::size_t>(sequence.id);
    return (id > 0 && sequences_[id - 1].taken) ||
           (id + 1 < sequences_.size() && sequences_[id + 1].taken);
}

void Sequences::forget_all() {
    for (auto& sequence : sequences_) {
        engine_.keep_prefix(sequence.id, 0);
        sequence.memory.clear();
    }
}

// The free sequence that shares most. Among equals one next to taken sequences is preferred, and
// then the least recently used.
Sequence& Sequences::best_free(std::span<const Token> tokens) {
    Sequence* found = nullptr;
    const auto is_better = [&](const Sequence& sequence) {
        const auto more = shared(sequence.memory, tokens);
        const auto most = shared(found->memory, tokens);
        if (more != most) return more > most;
        const bool beside = is_beside_taken(sequence);
        if (beside != is_beside_taken(*found)) return beside;
        return sequence.last_used < found->last_used;
    };
    for (auto& sequence : sequences_) {
        if (sequence.taken) continue;
        if (!found || is_better(sequence)) found = &sequence;
    }
    CHECK(found);
    return *found;
}

Sequence& Sequences::least_needed_free() {
    return best_free({});
}

const Sequence& Sequences::best(std::span<const Token> tokens) const {
    return *std::max_element(sequences_.begin(), sequences_.end(),
                             [&](const Sequence& a, const Sequence& b) {
                                 return shared(a.memory, tokens) < shared(b.memory, tokens);
                             });
}

// Saves the memory that the sequence is about to lose, unless most of it is known elsewhere:
// prompts that share their beginning with others and differ only at the end are not worth the room.
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

}  // namespace millrace::backends::llama
