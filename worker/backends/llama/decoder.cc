#include "worker/backends/llama/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/check.h"
#include "worker/backends/completion.h"
#include "worker/backends/outcomes.h"

namespace millrace::backends::llama {
namespace {

// The oldest prompt gets this fraction (1/n) of a step's room for prompts, however urgent others
// are.
constexpr int kOldestShare = 8;

// The seed for jobs that give none: the same for the same attempt, different for another one.
std::uint32_t seed_of(const AttemptKey& key) {
    return static_cast<std::uint32_t>(AttemptKeyHash{}(key));
}

}  // namespace

LlamaDecoder::LlamaDecoder(LlamaEngine& engine, LlamaDecoderOptions options, ExecutionSink& sink)
    : engine_(engine),
      options_(std::move(options)),
      sink_(sink),
      sequences_(engine, options_.sequences, options_.saved_bytes_max),
      pace_(options_.step_time, engine.batch_tokens()) {}

void LlamaDecoder::begin(Execution execution, const LlamaRequest& request) {
    const auto aside = std::find_if(aside_.begin(), aside_.end(), [&](const Job& job) {
        return job.key.job == execution.job.key.job;
    });
    if (aside != aside_.end()) return resume(aside, execution);
    const auto& model = request.model;
    const bool chat = model.kind == RequestKind::kChat;
    auto prompt =
        engine_.tokenize(chat ? engine_.apply_template(model.messages) : model.texts.front());
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
    auto sampler = engine_.make_sampler(request, prompt, seed_of(key));
    if (!sampler.has_value()) {
        sink_.finished(key, invalid_input(sampler.error().message));
        return;
    }
    const auto prompt_tokens = prompt.size();
    const auto& sampling = model.sampling;
    jobs_.push_back(
        {.key = key,
         .priority = execution.job.spec.priority,
         .deadline = execution.deadline,
         .order = ++arrivals_,
         .kind = model.kind,
         .tokens = std::move(prompt),
         .prompt_tokens = prompt_tokens,
         .output_tokens_max = sampling.max_tokens.value_or(options_.output_tokens_default),
         .sampler = *std::move(sampler),
         .stream = TextStream(sampling.stop)});
}

void LlamaDecoder::end(const AttemptKey& key, AbortReason reason) {
    const auto job = std::find_if(jobs_.begin(), jobs_.end(),
                                  [&](const Job& candidate) { return candidate.key == key; });
    if (job == jobs_.end()) return;
    if (reason == AbortReason::kPreempted && job->sequence) return set_aside(job);
    report(job, aborted_outcome(reason));
}

void LlamaDecoder::set_aside(JobAt job) {
    const auto key = job->key;
    sequences_.release(*std::exchange(job->sequence, nullptr), /*needed=*/true);
    aside_.splice(aside_.begin(), jobs_, job);
    if (aside_.size() > static_cast<std::size_t>(options_.sequences)) aside_.pop_back();
    sink_.finished(key, aborted_outcome(AbortReason::kPreempted));
}

void LlamaDecoder::resume(JobAt aside, const Execution& execution) {
    jobs_.splice(jobs_.end(), aside_, aside);
    aside->key = execution.job.key;
    aside->deadline = execution.deadline;
    aside->order = ++arrivals_;
    if (!aside->text.empty()) sink_.partial(aside->key, aside->text);
}

void LlamaDecoder::end_all(AbortReason reason) {
    while (!jobs_.empty()) report(jobs_.begin(), aborted_outcome(reason));
}

void LlamaDecoder::end_late(MonoTime now) {
    for (auto job = jobs_.begin(); job != jobs_.end();) {
        const auto late = job++;
        if (late->deadline <= now) report(late, aborted_outcome(AbortReason::kDeadline));
    }
}

void LlamaDecoder::step() {
    gather_sequences();
    fill_batch();
    const int size = engine_.batch_size();
    CHECK(size > 0);
    ++steps_;
    const auto before = system_clock().now();
    if (!engine_.decode()) return fail_step();
    runs_ += static_cast<std::uint64_t>(engine_.runs());
    pace_.observe(size, system_clock().now() - before);
    for (auto& job : jobs_) remember(job);
    for (auto job = jobs_.begin(); job != jobs_.end();) {
        const auto sampled = job++;
        if (sampled->sampled_at >= 0) take_token(sampled);
    }
}

void LlamaDecoder::gather_sequences() {
    const auto move = sequences_.gather();
    if (!move) return;
    for (auto& job : jobs_) {
        if (job.sequence == move->from) job.sequence = move->to;
    }
}

void LlamaDecoder::fill_batch() {
    engine_.clear_batch();
    std::vector<Job*> readers;
    for (auto& job : jobs_) {
        job.sampled_at = -1;
        if (job.sequence && job.tokens_left() == 1) {
            add_tokens(job, engine_.batch_tokens());
        } else {
            readers.push_back(&job);
        }
    }
    if (readers.empty()) return;
    std::sort(readers.begin(), readers.end(), [](const Job* a, const Job* b) {
        return std::tie(a->priority, a->order) < std::tie(b->priority, b->order);
    });
    read_prompts(readers);
}

void LlamaDecoder::read_prompts(const std::vector<Job*>& readers) {
    const auto* oldest =
        *std::min_element(readers.begin(), readers.end(),
                          [](const Job* a, const Job* b) { return a->order < b->order; });
    const int running = engine_.batch_size();
    const int end = std::min(engine_.batch_tokens(),
                             std::max(pace_.tokens_max(), running + StepPace::kTokensMin));
    int kept_back = (end - running) / kOldestShare;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        auto& job = *readers[i];
        if (&job == oldest) kept_back = 0;
        const int size_max = end - kept_back;
        if (engine_.batch_size() >= size_max) continue;
        if (!job.sequence && !take_sequence(job, std::span(readers).first(i))) continue;
        add_tokens(job, size_max);
    }
}

// Returns false while an earlier job reads tokens that this one would have to compute as well.
bool LlamaDecoder::take_sequence(Job& job, std::span<Job* const> earlier) {
    const auto known = sequences_.known(job.tokens);
    const bool waits = std::any_of(earlier.begin(), earlier.end(), [&](const Job* other) {
        return common_prefix(other->tokens, job.tokens) >= known + kWorthTokens;
    });
    if (waits) return false;
    job.sequence = sequences_.take(job.tokens);
    if (!job.sequence) return false;
    prompt_tokens_reused_ += job.sequence->memory.size();
    return true;
}

// Adds as many of the remaining tokens as the batch has room for.
void LlamaDecoder::add_tokens(Job& job, int batch_size_max) {
    auto position = job.sequence->memory.size();
    for (; position < job.tokens.size() && engine_.batch_size() < batch_size_max; ++position) {
        const bool last = position + 1 == job.tokens.size();
        const int index = engine_.add({.token = job.tokens[position],
                                       .sequence = job.sequence->id,
                                       .position = position,
                                       .sampled = last});
        if (last) job.sampled_at = index;
        if (!last || position < job.prompt_tokens) ++prompt_tokens_computed_;
    }
    job.added = position - job.sequence->memory.size();
}

// Records the tokens of the step: other jobs may copy them from now on.
void LlamaDecoder::remember(Job& job) {
    if (!job.sequence) return;
    auto& memory = job.sequence->memory;
    const auto begin = job.tokens.begin() + static_cast<std::ptrdiff_t>(memory.size());
    memory.insert(memory.end(), begin, begin + static_cast<std::ptrdiff_t>(job.added));
    job.added = 0;
}

void LlamaDecoder::fail_step() {
    sequences_.forget_all();
    for (auto job = jobs_.begin(); job != jobs_.end();) {
        const auto failed = job++;
        if (!failed->sequence) continue;
        report(failed, failed_outcome(OutcomeKind::kRetryable, "decode_failed",
                                      "llama.cpp failed in a decode step; see the worker's log"));
    }
}

void LlamaDecoder::take_token(JobAt at) {
    auto& job = *at;
    const auto token = engine_.sample(job.sampler, job.sampled_at);
    if (!token) {
        return report(at, failed_outcome(OutcomeKind::kPermanent, "grammar_dead_end",
                                         "no token of the model continues the grammar"));
    }
    if (engine_.is_end(*token)) return complete(at, "stop");
    job.tokens.push_back(*token);
    ++tokens_generated_;
    const auto text = job.stream.append(engine_.piece(*token));
    job.text += text;
    if (job.text.size() > options_.output_bytes_max) {
        return report(at, output_too_large(options_.output_bytes_max));
    }
    if (!text.empty()) sink_.partial(job.key, text);
    if (job.stream.stopped()) return complete(at, "stop");
    const auto context = static_cast<std::size_t>(engine_.context_per_sequence());
    const bool full = job.tokens.size() > context;
    if (full || job.output_tokens() >= job.output_tokens_max) complete(at, "length");
}

void LlamaDecoder::complete(JobAt at, std::string_view finish_reason) {
    auto& job = *at;
    const auto rest = job.stream.finish();
    job.text += rest;
    if (!rest.empty()) sink_.partial(job.key, rest);
    const Usage usage{.prompt_tokens = static_cast<std::int64_t>(job.prompt_tokens),
                      .completion_tokens = job.output_tokens()};
    report(at, {.kind = OutcomeKind::kCompleted,
                .output_json = completion_json({.kind = job.kind,
                                                .id = job.key.job.str(),
                                                .model = options_.model,
                                                .text = std::move(job.text),
                                                .finish_reason = finish_reason,
                                                .usage = usage},
                                               system_clock().wall()),
                .usage = usage});
}

void LlamaDecoder::report(JobAt job, Outcome outcome) {
    const auto key = job->key;
    if (job->sequence) sequences_.release(*job->sequence, /*needed=*/false);
    jobs_.erase(job);
    sink_.finished(key, std::move(outcome));
}

LlamaStats LlamaDecoder::stats() const {
    return {.steps = steps_,
            .runs = runs_,
            .prompt_tokens_computed = prompt_tokens_computed_,
            .prompt_tokens_reused = prompt_tokens_reused_,
            .tokens_generated = tokens_generated_};
}

}  // namespace millrace::backends::llama
