#include "worker/backends/oip/infer_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "common/json/scan.h"
#include "worker/backends/bounded_json.h"

namespace millrace::backends::oip {
namespace {

using nlohmann::ordered_json;  // Parameters keep their order.

constexpr std::size_t kDimensionsMax = 32;

// The member; null if it is absent or null.
const ordered_json* member(const ordered_json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

Status check_members(const ordered_json& object, const std::string& path,
                     std::span<const std::string_view> known) {
    if (!object.is_object()) return invalid(fmt::format("{} must be an object", path));
    for (const auto& [name, _] : object.items()) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            return invalid(fmt::format("{} has an unknown member '{}'; the known ones are {}", path,
                                       name, fmt::join(known, ", ")));
        }
    }
    return ok();
}

Result<std::string> string_of(const ordered_json& object, const std::string& path,
                              const char* name) {
    const auto* value = member(object, name);
    if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>().empty()) {
        return invalid(fmt::format("{}.{} must be a string", path, name));
    }
    return value->get<std::string>();
}

// The parameters as text, without those that are dropped; empty if none remain.
Result<std::string> parameters_of(const ordered_json& object, const std::string& path) {
    const auto* value = member(object, "parameters");
    if (value == nullptr) return std::string();
    if (!value->is_object()) return invalid(fmt::format("{}.parameters must be an object", path));
    auto kept = ordered_json::object();
    for (const auto& [name, parameter] : value->items()) {
        if (name.starts_with("shared_memory_")) {
            return invalid("shared memory of the server cannot be used by a job; send the data");
        }
        if (name.starts_with("sequence_")) {
            return invalid(
                "sequences are not supported: jobs of a queue do not depend on each "
                "other");
        }
        if (!name.starts_with("binary_data")) kept[name] = parameter;
    }
    return kept.empty() ? std::string() : kept.dump();
}

Result<Shape> shape_of(const ordered_json& input, const std::string& path) {
    const auto* value = member(input, "shape");
    const auto is_dimension = [](const ordered_json& dimension) {
        return dimension.is_number_unsigned() && dimension <= INT64_MAX;
    };
    if (value == nullptr || !value->is_array() || value->size() > kDimensionsMax ||
        !std::all_of(value->begin(), value->end(), is_dimension)) {
        return invalid(fmt::format("{}.shape must be a list of at most {} non-negative integers",
                                   path, kDimensionsMax));
    }
    return value->get<Shape>();
}

// Parses everything except the data.
Result<Tensor> parse_head(const ordered_json& input, const std::string& path) {
    constexpr std::array<std::string_view, 5> kKnown{"name", "shape", "datatype", "parameters",
                                                     "data"};
    TRY_STATUS(check_members(input, path, kKnown));
    Tensor tensor;
    TRY(tensor.name, string_of(input, path, "name"));
    TRY(tensor.shape, shape_of(input, path));
    TRY(const auto datatype, string_of(input, path, "datatype"));
    const auto parsed = parse_datatype(datatype);
    if (!parsed) {
        return invalid(fmt::format(
            "{}.datatype '{}' is not one of the protocol's, such as FP32, INT64 or BYTES", path,
            datatype));
    }
    tensor.datatype = *parsed;
    TRY(tensor.parameters, parameters_of(input, path));
    return tensor;
}

Status parse_data(const ordered_json& input, const std::string& path, Tensor& tensor) {
    const auto count = element_count(tensor.shape);
    if (!count) return invalid(fmt::format("{}.shape is too large", path));
    const auto* data = member(input, "data");
    if (data == nullptr) return invalid(fmt::format("{} needs 'data', a list", path));
    auto bytes =
        encode_elements({.datatype = tensor.datatype, .base64 = has_base64(tensor)}, *data);
    if (!bytes.has_value()) {
        return invalid(fmt::format("{}.data: {}", path, bytes.error().message));
    }
    tensor.bytes = *std::move(bytes);
    if (elements_size(tensor.datatype, tensor.bytes, *count) != tensor.bytes.size()) {
        return invalid(fmt::format("{}.data must have the {} elements of its shape {}", path,
                                   *count, show(tensor.shape)));
    }
    return ok();
}

Status parse_inputs(const ordered_json& input, bool with_data, InferJob& job) {
    const auto* list = member(input, "inputs");
    if (list == nullptr || !list->is_array() || list->empty()) {
        return invalid(
            "the input needs 'inputs', a list of at least one {\"name\":\"…\","
            "\"shape\":[…],\"datatype\":\"…\",\"data\":[…]}");
    }
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto path = fmt::format("inputs[{}]", i);
        TRY(auto tensor, parse_head((*list)[i], path));
        if (with_data) TRY_STATUS(parse_data((*list)[i], path, tensor));
        const bool is_there =
            std::any_of(job.inputs.begin(), job.inputs.end(),
                        [&](const Tensor& other) { return other.name == tensor.name; });
        if (is_there) return invalid(fmt::format("the input '{}' appears twice", tensor.name));
        job.inputs.push_back(std::move(tensor));
    }
    return ok();
}

Status parse_outputs(const ordered_json& input, InferJob& job) {
    constexpr std::array<std::string_view, 2> kKnown{"name", "parameters"};
    const auto* list = member(input, "outputs");
    if (list == nullptr) return ok();
    if (!list->is_array()) return invalid("'outputs' must be a list of {\"name\":\"…\"}");
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto path = fmt::format("outputs[{}]", i);
        const auto& value = (*list)[i];
        TRY_STATUS(check_members(value, path, kKnown));
        RequestedOutput output;
        TRY(output.name, string_of(value, path, "name"));
        TRY(output.parameters, parameters_of(value, path));
        job.outputs.push_back(std::move(output));
    }
    return ok();
}

Result<InferJob> parse(std::string_view input_json, bool with_data) {
    constexpr std::array<std::string_view, 4> kKnown{"inputs", "outputs", "parameters", "id"};
    const auto input = parse_ordered(input_json);
    if (input.is_discarded()) {
        return invalid(
            fmt::format("the input is not valid JSON, or an object in it has more than {} members",
                        kOrderedMembersMax));
    }
    if (!input.is_object()) return invalid("the input must be a JSON object");
    TRY_STATUS(check_members(input, "the input", kKnown));
    InferJob job;
    if (member(input, "id") != nullptr) {
        TRY(job.id, string_of(input, "the input", "id"));
    }
    TRY_STATUS(parse_inputs(input, with_data, job));
    TRY_STATUS(parse_outputs(input, job));
    TRY(job.parameters, parameters_of(input, "the input"));
    return job;
}

// --- Text without data --------------------------------------------------------------------------

// The end of the list whose opening bracket is at `at`.
std::size_t list_end(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = json_text::rough_string_end(text, at);
            continue;
        }
        ++at;
        if (c == '[') ++depth;
        if (c == ']' && --depth == 0) break;
    }
    return at;
}

// The list in a member "data" whose name begins at `at`, as [begin, end).
std::optional<std::pair<std::size_t, std::size_t>> data_list(std::string_view text,
                                                             std::size_t at) {
    constexpr std::string_view kName = "\"data\"";
    if (!text.substr(at).starts_with(kName)) return std::nullopt;
    auto begin = json_text::skip_space(text, at + kName.size());
    if (begin == text.size() || text[begin] != ':') return std::nullopt;
    begin = json_text::skip_space(text, begin + 1);
    if (begin == text.size() || text[begin] != '[') return std::nullopt;
    return std::pair(begin, list_end(text, begin));
}

// Replaces the list in each member "data" by an empty one.
std::string without_data(std::string_view text) {
    std::string rest;
    std::size_t kept = 0;
    for (std::size_t at = text.find('"'); at < text.size(); at = text.find('"', at)) {
        if (const auto list = data_list(text, at)) {
            rest += text.substr(kept, list->first - kept);
            rest += "[]";
            kept = at = list->second;
        } else {
            at = json_text::rough_string_end(text, at);
        }
    }
    rest += text.substr(kept);
    return rest;
}

}  // namespace

Result<InferJob> parse_infer_job(std::string_view input_json) {
    return parse(input_json, /*with_data=*/true);
}

std::string infer_key(const InferJob& job) {
    auto inputs = ordered_json::array();
    for (const auto& input : job.inputs) {
        auto dimensions = input.shape;
        if (!dimensions.empty()) dimensions.front() = -1;
        inputs.push_back({input.name, name(input.datatype), dimensions, input.parameters});
    }
    auto outputs = ordered_json::array();
    for (const auto& output : job.outputs) outputs.push_back({output.name, output.parameters});
    return ordered_json::array({std::move(inputs), std::move(outputs), job.parameters})
        .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string infer_key(std::string_view input_json) {
    const auto job = parse(without_data(input_json), /*with_data=*/false);
    return job.has_value() ? infer_key(*job) : std::string();
}

}  // namespace millrace::backends::oip
