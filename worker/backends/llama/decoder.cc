#include "worker/backends/llama/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "worker/backends/completion.h"
#include "worker/backends/outcomes.h"

namespace millrace::worker {
namespace {

std::size_t common_prefix(const std::vector<Token>& a, const std::vector<Token>& b) {
    const auto ends = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<std::size_t>(ends.first - a.begin());
}

// For a job that gives none: the same attempt draws the same, another one anew.
std::uint32_t seed_of(const AttemptKey& key) {
    return static_cast<std::uint32_t>(AttemptKeyHash{}(key));
}

}  // namespace

LlamaDecoder::LlamaDecoder(LlamaEngine& engine, int sequences, LlamaDecoderOptions options,
                           ExecutionSink& sink)
    : engine_(engine), options_(std::move(options)), sink_(sink) {
    for (int i = 0; i < sequences; ++i) slots_.push_back({.sequence = i});
}

void LlamaDecoder::begin(Execution execution, const ModelRequest& request) {
    const bool chat = request.kind == RequestKind::kChat;
    auto prompt =
        engine_.tokenize(chat ? engine_.apply_template(request.messages) : request.texts.front());
    const auto context = static_cast<std::size_t>(engine_.context_per_sequence());
    const auto key = execution.job.key;
    if (prompt.empty()) {
        sink_.finished(key, invalid_input("the prompt is empty"));
        return;
    }
    if (prompt.size() >= context) {
        sink_.finished(
            key, failed_outcome(OutcomeKind::kPermanent, "context_length_exceeded",
                                fmt::format("the prompt has {} tokens; the model's context holds "
                                            "{}, one of them for the answer",
                                            prompt.size(), context)));
        return;
    }
    auto& slot = take_slot(prompt);
    const auto& sampling = request.sampling;
    slot.job =
        Job{.execution = std::move(execution),
            .kind = request.kind,
            .prompt = std::move(prompt),
            .sampler = engine_.make_sampler(sampling, seed_of(key)),
            .stream = TextStream(sampling.stop),
            .output_tokens_max = sampling.max_tokens.value_or(options_.output_tokens_default),
            .order = ++jobs_};
    slot.last_used = jobs_;
}

// At least the last token of the prompt is computed: sampling needs what comes out of it.
LlamaDecoder::Slot& LlamaDecoder::take_slot(const std::vector<Token>& prompt) {
    const auto shared = [&](const Slot& slot) {
        return std::min(common_prefix(slot.memory, prompt), prompt.size() - 1);
    };
    Slot* free = nullptr;    // Shares most; of equals the one that was used longest ago.
    Slot* oldest = nullptr;  // Free, and used longest ago.
    Slot* source = nullptr;  // Shares most, free or not.
    for (auto& slot : slots_) {
        if (!source || shared(slot) > shared(*source)) source = &slot;
        if (slot.job) continue;
        if (!oldest || slot.last_used < oldest->last_used) oldest = &slot;
        const bool better = !free || shared(slot) > shared(*free) ||
                            (shared(slot) == shared(*free) && slot.last_used < free->last_used);
        if (better) free = &slot;
    }
    CHECK(free);
    std::size_t kept = 0;
    if (shared(*source) > shared(*free)) {
        free = oldest;
        kept = engine_.copy_prefix(source->sequence, free->sequence, shared(*source));
        free->memory = source->memory;
    } else {
        kept = engine_.keep_prefix(free->sequence, shared(*free));
    }
    free->memory.resize(kept);
    prompt_tokens_reused_ += kept;
    return *free;
}

void LlamaDecoder::end(const AttemptKey& key, AbortReason reason) {
    for (auto& slot : slots_) {
        if (slot.job && slot.job->execution.job.key == key) report(slot, aborted_outcome(reason));
    }
}

void LlamaDecoder::end_all(AbortReason reason) {
    for (auto& slot : slots_) {
        if (slot.job) report(slot, aborted_outcome(reason));
    }
}

void LlamaDecoder::end_late(MonoTime now) {
    for (auto& slot : slots_) {
        if (slot.job && slot.job->execution.deadline <= now) {
            report(slot, aborted_outcome(AbortReason::kDeadline));
        }
    }
}

bool LlamaDecoder::idle() const {
    return std::none_of(slots_.begin(), slots_.end(),
                        [](const Slot& slot) { return slot.job.has_value(); });
}

void LlamaDecoder::fill_batch() {
    engine_.clear_batch();
    std::vector<Slot*> readers;
    for (auto& slot : slots_) {
        if (!slot.job) continue;
        slot.job->sampled_at = -1;
        if (slot.reading()) {
            readers.push_back(&slot);
            continue;
        }
        const auto position = slot.memory.size();
        slot.memory.push_back(slot.job->next);
        slot.job->sampled_at = engine_.add({.token = slot.job->next,
                                            .sequence = slot.sequence,
                                            .position = position,
                                            .sampled = true});
    }
    // First come, first served: short answers wait for as few prompts as possible.
    std::sort(readers.begin(), readers.end(),
              [](const Slot* a, const Slot* b) { return a->job->order < b->job->order; });
    for (auto* slot : readers) read_prompt(*slot);
}

// As much of the prompt as the batch has room for.
void LlamaDecoder::read_prompt(Slot& slot) {
    auto& job = *slot.job;
    while (slot.reading() && engine_.batch_size() < engine_.batch_tokens()) {
        const auto position = slot.memory.size();
        const auto token = job.prompt[position];
        const bool last = position + 1 == job.prompt.size();
        const int index = engine_.add(
            {.token = token, .sequence = slot.sequence, .position = position, .sampled = last});
        slot.memory.push_back(token);
        if (last) job.sampled_at = index;
        ++prompt_tokens_computed_;
    }
}

void LlamaDecoder::step() {
    fill_batch();
    CHECK(engine_.batch_size() > 0);
    ++steps_;
    if (!engine_.decode()) {
        for (auto& slot : slots_) {
            engine_.keep_prefix(slot.sequence, 0);
            slot.memory.clear();
            if (!slot.job) continue;
            report(slot, failed_outcome(OutcomeKind::kRetryable, "decode_failed",
                                        "llama.cpp failed in a decode step; see the worker's log"));
        }
        return;
    }
    for (auto& slot : slots_) {
        if (slot.job && slot.job->sampled_at >= 0) take_token(slot);
    }
}

void LlamaDecoder::take_token(Slot& slot) {
    auto& job = *slot.job;
    job.next = engine_.sample(job.sampler, job.sampled_at);
    if (engine_.is_end(job.next)) return complete(slot, "stop");
    ++job.output_tokens;
    ++tokens_generated_;
    const auto text = job.stream.append(engine_.piece(job.next));
    job.text += text;
    if (job.text.size() > options_.output_bytes_max) {
        return report(slot, output_too_large(options_.output_bytes_max));
    }
    if (!text.empty()) sink_.partial(job.execution.job.key, text);
    if (job.stream.stopped()) return complete(slot, "stop");
    const auto context = static_cast<std::size_t>(engine_.context_per_sequence());
    const bool full = slot.memory.size() >= context;
    if (full || job.output_tokens >= job.output_tokens_max) complete(slot, "length");
}

void LlamaDecoder::complete(Slot& slot, std::string_view finish_reason) {
    auto& job = *slot.job;
    const auto& claimed = job.execution.job;
    const auto rest = job.stream.finish();
    job.text += rest;
    if (!rest.empty()) sink_.partial(claimed.key, rest);
    const Usage usage{.prompt_tokens = static_cast<std::int64_t>(job.prompt.size()),
                      .completion_tokens = job.output_tokens};
    report(slot, {.kind = OutcomeKind::kCompleted,
                  .output_json = completion_json({.kind = job.kind,
                                                  .id = claimed.key.job.str(),
                                                  .model = options_.model,
                                                  .text = std::move(job.text),
                                                  .finish_reason = finish_reason,
                                                  .usage = usage},
                                                 system_clock().wall()),
                  .usage = usage});
}

void LlamaDecoder::report(Slot& slot, Outcome outcome) {
    const auto key = slot.job->execution.job.key;
    slot.job.reset();
    sink_.finished(key, std::move(outcome));
}

LlamaStats LlamaDecoder::stats() const {
    return {.steps = steps_,
            .prompt_tokens_computed = prompt_tokens_computed_,
            .prompt_tokens_reused = prompt_tokens_reused_,
            .tokens_generated = tokens_generated_};
}

}  // namespace millrace::worker
