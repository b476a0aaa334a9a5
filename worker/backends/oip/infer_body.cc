#include "worker/backends/oip/infer_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/check.h"
#include "common/json/mend.h"
#include "worker/backends/bounded_json.h"
#include "worker/backends/outcomes.h"

namespace millrace::backends::oip {
namespace {

using nlohmann::ordered_json;  // Parameters keep their order.

std::string json_string(std::string_view text) {
    return ordered_json(text).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// --- Request ------------------------------------------------------------------------------------

// A "parameters" member, preceded by a comma: the object `parameters` with the member `more` added.
// Empty if it would have no members.
std::string parameters_json(const std::string& parameters, const std::string& more) {
    if (parameters.empty() && more.empty()) return {};
    if (parameters.empty()) return fmt::format(R"(,"parameters":{{{}}})", more);
    if (more.empty()) return fmt::format(R"(,"parameters":{})", parameters);
    const std::string_view inner(parameters.data() + 1, parameters.size() - 2);
    return fmt::format(R"(,"parameters":{{{},{}}})", inner, more);
}

// The bytes of one input in all jobs.
std::string joined(JobsOfRequest jobs, std::size_t input) {
    std::string bytes;
    for (const auto* job : jobs) bytes += job->inputs[input].bytes;
    return bytes;
}

Shape joined_shape(JobsOfRequest jobs, std::size_t input) {
    auto shape = jobs.front()->inputs[input].shape;
    for (const auto* job : jobs.subspan(1)) shape.front() += job->inputs[input].shape.front();
    return shape;
}

std::string outputs_json(const InferJob& job, bool binary) {
    if (job.outputs.empty()) return {};
    std::string list;
    for (const auto& output : job.outputs) {
        list +=
            fmt::format(R"({}{{"name":{}{}}})", list.empty() ? "" : ",", json_string(output.name),
                        parameters_json(output.parameters, binary ? R"("binary_data":true)" : ""));
    }
    return fmt::format(R"(,"outputs":[{}])", list);
}

// --- Answer -------------------------------------------------------------------------------------

// -1 for a free dimension.
std::optional<std::int64_t> dimension_of(const ordered_json& value) {
    if (value.is_number_integer()) {
        const bool in_range = value >= -1 && value <= INT64_MAX;
        return in_range ? std::optional(value.get<std::int64_t>()) : std::nullopt;
    }
    if (!value.is_string()) return std::nullopt;
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t dimension = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, dimension);
    const bool fine = parsed.ec == std::errc() && parsed.ptr == end && dimension >= -1;
    return fine ? std::optional(dimension) : std::nullopt;
}

std::optional<Shape> shape_of(const ordered_json& output) {
    const auto list = output.value("shape", ordered_json());
    if (!list.is_array()) return std::nullopt;
    Shape shape;
    for (const auto& value : list) {
        const auto dimension = dimension_of(value);
        if (!dimension) return std::nullopt;
        shape.push_back(*dimension);
    }
    if (std::count(shape.begin(), shape.end(), -1) > 1) return std::nullopt;
    return shape;
}

// Computes the one free dimension from the number of elements. False if no shape results.
bool fill_in(Shape& shape, Datatype datatype, std::string_view bytes) {
    const auto free = std::find(shape.begin(), shape.end(), -1);
    if (free == shape.end()) return true;
    *free = 1;
    const auto others = element_count(shape);
    const auto elements = count_elements(datatype, bytes);
    if (!others || *others == 0 || !elements || *elements % *others != 0) return false;
    *free = static_cast<std::int64_t>(*elements / *others);
    return true;
}

std::optional<Datatype> datatype_of(const ordered_json& output) {
    const auto value = output.value("datatype", ordered_json());
    if (!value.is_string()) return std::nullopt;
    auto name = value.get<std::string>();
    for (auto& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return parse_datatype(name);
}

// The elements in the JSON, or else the next bytes of `tail`, which are removed from it.
Result<std::string> elements_of(const ordered_json& output, const ordered_json& parameters,
                                const Tensor& tensor, std::string_view& tail) {
    if (const auto data = output.find("data"); data != output.end()) {
        return encode_elements(
            {.datatype = tensor.datatype, .base64 = has_base64(tensor), .null_nan = true}, *data);
    }
    const auto size = parameters.value("binary_data_size", ordered_json());
    if (!size.is_number_unsigned() || size > tail.size()) {
        return corrupt("has neither data nor the bytes that it announces");
    }
    std::string bytes(tail.substr(0, size.get<std::size_t>()));
    tail.remove_prefix(bytes.size());
    return bytes;
}

Result<Tensor> parse_output(const ordered_json& output, std::string_view& tail) {
    if (!output.is_object() || !output.value("name", ordered_json()).is_string()) {
        return corrupt("an output has no name");
    }
    Tensor tensor{.name = output["name"].get<std::string>()};
    const auto wrong = [&](std::string_view what) {
        return corrupt(fmt::format("the output '{}' {}", tensor.name, what));
    };
    const auto known = datatype_of(output);
    if (!known) return wrong("has an unknown datatype");
    tensor.datatype = *known;
    auto shape = shape_of(output);
    if (!shape) return wrong("has no shape");
    tensor.shape = *std::move(shape);

    auto parameters = output.value("parameters", ordered_json());
    if (!parameters.is_object()) parameters = ordered_json::object();
    tensor.parameters = parameters.dump();
    auto bytes = elements_of(output, parameters, tensor, tail);
    if (!bytes.has_value()) return wrong(bytes.error().message);
    tensor.bytes = *std::move(bytes);
    const bool is_filled = fill_in(tensor.shape, tensor.datatype, tensor.bytes);
    const auto count = is_filled ? element_count(tensor.shape) : std::nullopt;
    if (!count || elements_size(tensor.datatype, tensor.bytes, *count) != tensor.bytes.size()) {
        return wrong(fmt::format("does not have the elements of its shape {}", show(tensor.shape)));
    }
    parameters.erase("binary_data_size");
    if (tensor.datatype == Datatype::kBytes) parameters.erase("content_type");
    tensor.parameters = parameters.empty() ? std::string() : parameters.dump();
    return tensor;
}

// Parses an answer. Only one that is not JSON is mended, because servers without binary tensors
// write bare NaN and invalid text, and mending every answer would cost a copy of it.
ordered_json parse_or_mend(std::string_view text) {
    auto answer = parse_ordered(text);
    if (!answer.is_discarded()) return answer;
    const auto mended = json_text::mend(
        text, {.depth_max = kAnswerDepthMax, .not_a_number = json_text::NotANumber::kQuote});
    return mended.has_value() ? parse_ordered(*mended) : answer;
}

std::vector<Tensor>::iterator find_output(std::vector<Tensor>& outputs, std::string_view name) {
    return std::find_if(outputs.begin(), outputs.end(),
                        [&](const Tensor& output) { return output.name == name; });
}

std::string head_of(const ordered_json& answer) {
    std::string head;
    for (const auto* name : {"model_name", "model_version", "parameters"}) {
        const auto value = answer.find(name);
        if (value == answer.end() || value->empty()) continue;
        head += fmt::format(R"("{}":{},)", name,
                            value->dump(-1, ' ', false, ordered_json::error_handler_t::replace));
    }
    return head;
}

void append_output(const Tensor& output, const Shape& shape, std::string_view bytes,
                   std::string& text) {
    const bool base64 = output.datatype == Datatype::kBytes && needs_base64(bytes);
    text +=
        fmt::format(R"({{"name":{},"datatype":"{}","shape":{}{},"data":)", json_string(output.name),
                    name(output.datatype), show(shape),
                    parameters_json(output.parameters, base64 ? R"("content_type":"base64")" : ""));
    append_elements({.datatype = output.datatype, .base64 = base64}, bytes, text);
    text += '}';
}

// Splits the answer, job by job.
class Splitter {
 public:
    // `whole`: the first job gets all of it, whatever its rows.
    Splitter(const InferAnswer& answer, bool whole) : answer_(answer), whole_(whole) {
        for (const auto& output : answer.outputs) rest_.emplace_back(output.bytes);
    }

    std::string take(const InferJob& job) {
        std::string text = "{" + answer_.head;
        if (!job.id.empty()) text += fmt::format(R"("id":{},)", json_string(job.id));
        text += R"("outputs":[)";
        for (std::size_t i = 0; i < rest_.size(); ++i) {
            if (i > 0) text += ',';
            append(answer_.outputs[i], rest_[i], job, text);
        }
        return text + "]}";
    }

 private:
    void append(const Tensor& output, std::string_view& rest, const InferJob& job,
                std::string& text) const {
        auto shape = output.shape;
        auto bytes = rest;
        if (!whole_) {
            shape.front() = static_cast<std::int64_t>(job.rows());
            const auto size = elements_size(output.datatype, rest, *element_count(shape));
            bytes = rest.substr(0, *size);
        }
        rest.remove_prefix(bytes.size());
        append_output(output, shape, bytes, text);
    }

    const InferAnswer& answer_;
    const bool whole_;
    std::vector<std::string_view> rest_;
};

}  // namespace

InferBody make_infer_body(JobsOfRequest jobs, bool binary, std::string_view id) {
    const auto& first = *jobs.front();
    std::string text = fmt::format(R"({{"id":{},"inputs":[)", json_string(id));
    std::string tail;
    for (std::size_t i = 0; i < first.inputs.size(); ++i) {
        const auto& input = first.inputs[i];
        const auto bytes = joined(jobs, i);
        std::string data;
        std::string more;
        if (binary) {
            more = fmt::format(R"("binary_data_size":{})", bytes.size());
            tail += bytes;
        } else {
            data = R"(,"data":)";
            append_elements({.datatype = input.datatype, .base64 = has_base64(input)}, bytes, data);
        }
        text += fmt::format(R"({}{{"name":{},"shape":{},"datatype":"{}"{}{}}})", i > 0 ? "," : "",
                            json_string(input.name), show(joined_shape(jobs, i)),
                            name(input.datatype), parameters_json(input.parameters, more), data);
    }
    text += ']' + outputs_json(first, binary);
    text += parameters_json(first.parameters, binary ? R"("binary_data_output":true)" : "") + '}';
    InferBody body{.bytes = std::move(text)};
    if (binary) body.json_bytes = body.bytes.size();
    body.bytes += tail;
    return body;
}

Result<InferAnswer> parse_infer_answer(std::string_view body,
                                       std::optional<std::size_t> json_bytes) {
    const auto size = json_bytes.value_or(body.size());
    if (size > body.size()) return corrupt("it is shorter than its header says");
    const auto text = body.substr(0, size);
    auto tail = body.substr(size);
    const auto answer = parse_or_mend(text);
    const auto outputs = answer.is_object() ? answer.find("outputs") : answer.end();
    if (outputs == answer.end() || !outputs->is_array() || outputs->empty()) {
        if (!is_nested_deeper(text, kAnswerDepthMax)) return corrupt("it has no outputs");
        return corrupt(fmt::format("it is nested deeper than {} levels", kAnswerDepthMax));
    }
    InferAnswer parsed{.head = head_of(answer)};
    for (const auto& output : *outputs) {
        TRY(auto tensor, parse_output(output, tail));
        if (find_output(parsed.outputs, tensor.name) != parsed.outputs.end()) {
            return corrupt(fmt::format("the output '{}' appears twice", tensor.name));
        }
        parsed.outputs.push_back(std::move(tensor));
    }
    if (!tail.empty()) return corrupt("it is longer than its outputs");
    return parsed;
}

Status choose_outputs(const InferJob& job, InferAnswer& answer) {
    if (job.outputs.empty()) return ok();
    std::vector<Tensor> chosen;
    for (const auto& wanted : job.outputs) {
        const auto found = find_output(answer.outputs, wanted.name);
        if (found == answer.outputs.end()) {
            return corrupt(fmt::format("it lacks the output '{}'", wanted.name));
        }
        chosen.push_back(std::move(*found));
    }
    answer.outputs = std::move(chosen);
    return ok();
}

Result<std::vector<Outcome>> split_answer(const InferAnswer& answer, JobsOfRequest jobs,
                                          std::size_t output_bytes_max) {
    const bool whole = jobs.size() == 1;
    std::size_t rows = 0;
    for (const auto* job : jobs) rows += whole ? 0 : job->rows();
    for (const auto& output : answer.outputs) {
        const auto& shape = output.shape;
        if (whole || (!shape.empty() && std::cmp_equal(shape.front(), rows))) continue;
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the output '{}' has the shape {}, not {} rows", output.name,
                                 show(shape), rows)};
    }
    Splitter splitter(answer, whole);
    std::vector<Outcome> outcomes;
    for (const auto* job : jobs) {
        auto text = splitter.take(*job);
        const bool fits = text.size() <= output_bytes_max;
        outcomes.push_back(
            fits ? Outcome{.kind = OutcomeKind::kCompleted, .output_json = std::move(text)}
                 : output_too_large(output_bytes_max));
    }
    return outcomes;
}

}  // namespace millrace::backends::oip
