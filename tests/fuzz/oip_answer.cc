// The answers of a server of the Open Inference Protocol: tensors in JSON and as bytes, what it
// says of itself and of a model, and its errors. The first byte chooses; of an infer answer, the
// next says how long its JSON is.
#include <array>
#include <string>

#include "common/json/json_syntax.h"
#include "tests/fuzz/fuzz.h"
#include "worker/backends/oip/infer_body.h"
#include "worker/backends/oip/model_metadata.h"
#include "worker/backends/oip/server_error.h"

namespace millrace::fuzz {
namespace {

namespace oip = backends::oip;

constexpr std::size_t kOutputBytesMax = 1 << 20;

const std::array<oip::InferJob, 2>& jobs() {
    static const auto kJobs = [] {
        const auto job = oip::parse_infer_job(
            R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})");
        expect(job.has_value());
        return std::array{*job, *job};
    }();
    return kJobs;
}

void read_infer(std::string_view body, std::optional<std::size_t> json_bytes) {
    auto answer = oip::parse_infer_answer(body, json_bytes);
    if (!answer.has_value()) return;
    for (const auto& tensor : answer->outputs) {
        const auto count = oip::element_count(tensor.shape);
        expect(count && oip::count_elements(tensor.datatype, tensor.bytes) == count);
    }
    const std::array two{&jobs()[0], &jobs()[1]};
    for (std::size_t n = 1; n <= two.size(); ++n) {
        const auto outcomes = oip::split_answer(*answer, std::span(two).first(n), kOutputBytesMax);
        if (!outcomes.has_value()) continue;
        expect(outcomes->size() == n);
        for (const auto& outcome : *outcomes) {
            if (outcome.kind != OutcomeKind::kCompleted) continue;
            expect(outcome.output_json.size() <= kOutputBytesMax);
            const auto fault = json_text::check_json(outcome.output_json, 500);
            expect(!fault || outcome.output_json.find("\\u0000") != std::string::npos);
        }
    }
    static_cast<void>(oip::choose_outputs(jobs()[0], *answer));
}

void read_metadata(std::string_view body) {
    static_cast<void>(oip::parse_server_metadata(body));
    static_cast<void>(oip::parse_repository_index(body));
    auto model = oip::parse_model_metadata(body);
    if (!model.has_value()) model = oip::ModelMetadata{};
    static_cast<void>(oip::apply_config(body, *model));
    static_cast<void>(oip::check_job(*model, jobs()[0]));
}

void read_error(std::string_view body) {
    for (const long status : {400L, 404L, 500L, 503L}) {
        static_cast<void>(oip::classify({.status = status, .body = body}));
    }
    static_cast<void>(oip::error_inside(body));
    static_cast<void>(oip::page_instead(body));
}

}  // namespace

void read(std::string_view input) {
    switch (take_byte(input) % 4) {
        case 0:
            return read_infer(input, std::nullopt);
        case 1: {
            const std::size_t high = take_byte(input);
            return read_infer(input, high << 8 | take_byte(input));
        }
        case 2:
            return read_metadata(input);
        default:
            return read_error(input);
    }
}

}  // namespace millrace::fuzz
