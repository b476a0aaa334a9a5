// What an OpenAI endpoint answers at once instead of as a stream: whole answers, and errors of any
// form.
#include <array>

#include "common/json/json_syntax.h"
#include "tests/fuzz/fuzz.h"
#include "worker/backends/openai/answer_check.h"
#include "worker/backends/openai/endpoint_error.h"
#include "worker/backends/serving/server_text.h"

namespace millrace::fuzz {

namespace openai = backends::openai;
using backends::RequestKind;

void read(std::string_view input) {
    for (const auto kind : {RequestKind::kChat, RequestKind::kCompletion, RequestKind::kEmbeddings,
                            RequestKind::kImages}) {
        const auto outcome = openai::unstreamed_outcome(
            {.kind = kind, .count = 1, .output_bytes_max = 1 << 20}, input);
        if (outcome.kind != OutcomeKind::kCompleted) continue;
        const auto fault = json_text::check_json(outcome.output_json, 500);
        expect(!fault || outcome.output_json.find("\\u0000") != std::string::npos);
    }
    constexpr std::array kStatuses{400L, 404L, 429L, 500L, 502L};
    const auto status = kStatuses.at(input.size() % kStatuses.size());
    const auto outcome = openai::http_error_outcome({.status = status, .body = input});
    expect(outcome.kind != OutcomeKind::kCompleted && !outcome.error_code.empty());
    static_cast<void>(openai::error_event_outcome(input));
    static_cast<void>(backends::serving::place_of(std::string(input)));
}

}  // namespace millrace::fuzz
