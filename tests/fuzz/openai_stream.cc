// A streamed answer of an OpenAI endpoint, from its bytes to the outcome.
#include <optional>
#include <string>
#include <vector>

#include "common/http/sse_parser.h"
#include "common/json/json_syntax.h"
#include "tests/fuzz/fuzz.h"
#include "worker/backends/openai/assembler.h"

namespace millrace::fuzz {
namespace {

namespace openai = backends::openai;

constexpr std::size_t kOutputBytesMax = 1 << 16;

Outcome outcome_of(const std::vector<http::ServerEvent>& events, backends::RequestKind kind) {
    openai::Assembler assembler({.kind = kind, .count = 1, .output_bytes_max = kOutputBytesMax});
    std::string partial;
    for (const auto& event : events) {
        if (auto outcome = assembler.add(event, partial)) return *std::move(outcome);
        expect(is_text_of_model(partial));
    }
    return assembler.outcome(true);
}

}  // namespace

void read(std::string_view input) {
    http::SseParser parser(kOutputBytesMax);
    std::vector<http::ServerEvent> events;
    if (!parser.feed(input, events)) return;
    for (const auto kind : {backends::RequestKind::kChat, backends::RequestKind::kCompletion}) {
        const auto outcome = outcome_of(events, kind);
        if (outcome.kind != OutcomeKind::kCompleted) continue;
        const auto fault = json_text::check_json(outcome.output_json, 500);
        expect(!fault || outcome.output_json.find("\\u0000") != std::string::npos);
    }
}

}  // namespace millrace::fuzz
