#include "worker/backends/usage.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "worker/backends/bounded_json.h"

namespace millrace::backends {
namespace {

using nlohmann::json;
using Count = std::optional<std::int64_t>;

// A count above this is nonsense, and could overflow a sum.
constexpr double kCountMax = 1e15;

Count count_of(const json& usage, const char* name) {
    const auto found = usage.find(name);
    if (found == usage.end() || !found->is_number()) return std::nullopt;
    // Some serializers write 9.0.
    const auto number = found->get<double>();
    if (!(number >= 0 && number <= kCountMax) || std::floor(number) != number) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

Count first(const Count& one, const Count& other) {
    return one ? one : other;
}

// The whole without the given part; unknown if one of them is, or if the part is larger.
Count rest(const Count& whole, const Count& part) {
    if (!whole || !part || *part > *whole) return std::nullopt;
    return *whole - *part;
}

}  // namespace

Usage parse_usage(std::string_view text) {
    const auto usage = parse_bounded(text);
    if (!usage.is_object()) return {};
    // The second names are newer; answers with images use them.
    auto prompt = first(count_of(usage, "prompt_tokens"), count_of(usage, "input_tokens"));
    auto completion = first(count_of(usage, "completion_tokens"), count_of(usage, "output_tokens"));
    const auto total = count_of(usage, "total_tokens");
    if (!prompt) prompt = rest(total, completion);
    if (!completion) completion = rest(total, prompt);
    if (prompt.value_or(0) == 0 && completion.value_or(0) == 0) return {};
    return {.prompt_tokens = prompt, .completion_tokens = completion};
}

}  // namespace millrace::backends
