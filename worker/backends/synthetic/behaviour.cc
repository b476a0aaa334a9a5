#include "worker/backends/synthetic/behaviour.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace millrace::backends::synthetic {
namespace {

using nlohmann::json;

constexpr std::int64_t kMillisecondsMax = 24 * 60 * 60 * 1000;
constexpr std::int64_t kOutputBytesMax = 64 << 20;
constexpr std::int64_t kPartialsMax = 10'000;
constexpr std::size_t kSentenceWords = 12;
constexpr std::size_t kDimensions = 8;

constexpr std::array<std::pair<std::string_view, SyntheticFault>, 4> kFaults{{
    {"retryable", SyntheticFault::kRetryable},
    {"permanent", SyntheticFault::kPermanent},
    {"crash", SyntheticFault::kCrash},
    {"hang", SyntheticFault::kHang},
}};

constexpr std::array<std::string_view, 16> kWords{
    "water", "turns", "the",  "wheel", "and",  "grain", "becomes", "flour",
    "while", "river", "runs", "past",  "mill", "stone", "slowly",  "again",
};

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
std::uint64_t next(std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15;
    auto z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

Result<std::int64_t> bounded(const std::string& name, const json& value, std::int64_t min,
                             std::int64_t max) {
    if (!value.is_number_integer() || value < min || value > max) {
        return invalid(
            fmt::format("'synthetic.{}' must be an integer from {} to {}", name, min, max));
    }
    return value.get<std::int64_t>();
}

Result<SyntheticFault> fault(const json& value) {
    for (const auto& [name, fault] : kFaults) {
        if (value == name) return fault;
    }
    return invalid("'synthetic.fail' must be one of 'retryable', 'permanent', 'crash', 'hang'");
}

Result<SyntheticBehaviour> parse_behaviour(const json& input) {
    SyntheticBehaviour behaviour;
    const auto found = input.find("synthetic");
    if (found == input.end() || found->is_null()) return behaviour;
    if (!found->is_object()) return invalid("'synthetic' must be an object");
    constexpr int kAllAttempts = std::numeric_limits<int>::max();
    behaviour.fault_attempts = kAllAttempts;
    for (const auto& [name, value] : found->items()) {
        if (name == "ms") {
            TRY(const auto ms, bounded(name, value, 0, kMillisecondsMax));
            behaviour.extra = milliseconds(ms);
        } else if (name == "fail") {
            TRY(behaviour.fault, fault(value));
        } else if (name == "fail_attempts") {
            TRY(const auto attempts, bounded(name, value, 0, kAllAttempts));
            behaviour.fault_attempts = static_cast<int>(attempts);
        } else if (name == "output_bytes") {
            TRY(const auto bytes, bounded(name, value, 0, kOutputBytesMax));
            behaviour.output_bytes = static_cast<std::size_t>(bytes);
        } else if (name == "partials") {
            TRY(const auto partials, bounded(name, value, 0, kPartialsMax));
            behaviour.partials = static_cast<int>(partials);
        } else if (name == "shape") {
            if (!value.is_string()) return invalid("'synthetic.shape' must be a string");
            behaviour.shape = value.get<std::string>();
        } else {
            return invalid(
                fmt::format("unknown field 'synthetic.{}'; the known ones are 'ms', 'fail', "
                            "'fail_attempts', 'output_bytes', 'partials' and 'shape'",
                            name));
        }
    }
    return behaviour;
}

std::int64_t count_words(std::string_view text) {
    std::int64_t words = 0;
    bool inside = false;
    for (const char c : text) {
        const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        words += !space && !inside;
        inside = !space;
    }
    return words;
}

std::string words(std::uint64_t salt, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) text += ' ';
        text += kWords[next(salt) % kWords.size()];
    }
    return text;
}

std::string words_of_length(std::uint64_t salt, std::size_t bytes) {
    std::string text;
    text.reserve(bytes + 8);
    while (text.size() < bytes) {
        text += kWords[next(salt) % kWords.size()];
        text += ' ';
    }
    text.resize(bytes);
    return text;
}

std::vector<float> unit_vector(std::uint64_t salt) {
    std::vector<float> vector;
    float square = 0;
    for (std::size_t i = 0; i < kDimensions; ++i) {
        const auto value = static_cast<float>(next(salt) >> 40) * 0x1.0p-23F - 1;
        vector.push_back(value);
        square += value * value;
    }
    for (auto& value : vector) value /= std::sqrt(square);
    return vector;
}

}  // namespace

Result<SyntheticJob> parse_synthetic(std::string_view input_json) {
    TRY(const auto input, parse_input(input_json));
    SyntheticJob job;
    TRY(job.behaviour, parse_behaviour(input));
    TRY(job.request, parse_request(input));
    if (job.request.kind == RequestKind::kImages) {
        return Error{ErrorCode::kInvalidArgument, "the synthetic model does not generate images"};
    }
    return job;
}

std::string behaviour_key(std::string_view input_json) {
    // Most jobs have no behaviour; this recognizes them without parsing.
    if (input_json.find("\"synthetic\"") == std::string_view::npos) return {};
    const auto input = parse_input(input_json);
    if (!input.has_value()) return {};
    const auto behaviour = parse_behaviour(*input);
    if (!behaviour.has_value()) return {};
    const bool plain = behaviour->extra.count() == 0 && behaviour->fault == SyntheticFault::kNone &&
                       behaviour->shape.empty();
    if (plain) return {};
    return fmt::format("ms={} fail={} shape={}", behaviour->extra.count(),
                       static_cast<int>(behaviour->fault), behaviour->shape);
}

SyntheticOutput make_output(const SyntheticJob& job, std::uint64_t salt) {
    SyntheticOutput output;
    std::int64_t prompt_tokens = 0;
    for (const auto& text : job.request.texts) prompt_tokens += count_words(text);
    for (const auto& message : job.request.messages) prompt_tokens += count_words(message.content);
    output.usage = {.prompt_tokens = prompt_tokens, .completion_tokens = 0};
    if (job.request.kind == RequestKind::kEmbeddings) {
        for (const auto& text : job.request.texts) {
            output.vectors.push_back(unit_vector(stable_hash(salt, text)));
        }
        return output;
    }
    if (job.behaviour.output_bytes > 0) {
        output.text = words_of_length(salt, job.behaviour.output_bytes);
        output.usage.completion_tokens = count_words(output.text);
        return output;
    }
    const auto asked = job.request.sampling.max_tokens;
    const bool cut = asked && static_cast<std::size_t>(*asked) < kSentenceWords;
    const auto count = cut ? static_cast<std::size_t>(*asked) : kSentenceWords;
    output.text = words(salt, count);
    output.finish_reason = cut ? "length" : "stop";
    output.usage.completion_tokens = static_cast<std::int64_t>(count);
    return output;
}

// FNV-1a, finished by one round of splitmix64: with FNV alone, similar texts have similar hashes.
std::uint64_t stable_hash(std::uint64_t seed, std::string_view text) {
    std::uint64_t hash = 0xCBF29CE484222325 ^ seed;
    for (const char c : text) {
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3;
    }
    return next(hash);
}

}  // namespace millrace::backends::synthetic
