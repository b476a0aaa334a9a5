#include "worker/backends/oip/model_metadata.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "worker/backends/bounded_json.h"

namespace millrace::backends::oip {
namespace {

using nlohmann::json;

Error senseless(std::string_view what) {
    return {ErrorCode::kDataCorrupt, fmt::format("the {} is invalid", what)};
}

std::optional<json> parse_object(std::string_view body) {
    auto object = parse_bounded(body);
    if (!object.is_object()) return std::nullopt;
    return object;
}

std::optional<std::string> string_member(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    return found->get<std::string>();
}

// An absent list counts as empty.
std::optional<std::vector<TensorMetadata>> parse_tensors(const json& model, const char* name) {
    std::vector<TensorMetadata> tensors;
    const auto list = model.value(name, json());
    if (list.is_null()) return tensors;
    if (!list.is_array()) return std::nullopt;
    for (const auto& value : list) {
        if (!value.is_object()) return std::nullopt;
        const auto tensor_name = string_member(value, "name");
        const auto datatype = string_member(value, "datatype");
        const auto shape = value.value("shape", json());
        const bool is_shape =
            shape.is_array() && std::all_of(shape.begin(), shape.end(), [](const json& dimension) {
                return dimension.is_number_integer();
            });
        if (!tensor_name || !datatype || !is_shape) return std::nullopt;
        tensors.push_back({*tensor_name, *datatype, shape.get<std::vector<std::int64_t>>()});
    }
    return tensors;
}

bool has_free_rows(const std::vector<TensorMetadata>& tensors) {
    return !tensors.empty() && std::all_of(tensors.begin(), tensors.end(), [](const auto& tensor) {
        return !tensor.shape.empty() && tensor.shape.front() == -1;
    });
}

const TensorMetadata* find(const std::vector<TensorMetadata>& tensors, const std::string& name) {
    const auto found = std::find_if(tensors.begin(), tensors.end(),
                                    [&](const auto& tensor) { return tensor.name == name; });
    return found == tensors.end() ? nullptr : &*found;
}

std::string names_of(const std::vector<TensorMetadata>& tensors) {
    std::vector<std::string> names;
    names.reserve(tensors.size());
    for (const auto& tensor : tensors) names.push_back(tensor.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

bool fits(const std::vector<std::int64_t>& wanted, const Shape& shape) {
    return std::equal(wanted.begin(), wanted.end(), shape.begin(), shape.end(),
                      [](auto want, auto have) { return want == -1 || want == have; });
}

Status check_input(const ModelMetadata& model, const Tensor& input) {
    const auto* wanted = find(model.inputs, input.name);
    if (wanted == nullptr) {
        return invalid(fmt::format("the model has no input '{}'; it has {}", input.name,
                                   names_of(model.inputs)));
    }
    if (wanted->datatype != name(input.datatype)) {
        return invalid(fmt::format("the input '{}' must be {}, not {}", input.name,
                                   wanted->datatype, name(input.datatype)));
    }
    if (!fits(wanted->shape, input.shape)) {
        return invalid(fmt::format("the input '{}' has the shape {}; the model expects {}{}",
                                   input.name, show(input.shape), show(wanted->shape),
                                   model.batches() ? ", rows first" : ""));
    }
    return ok();
}

Status check_output(const ModelMetadata& model, const RequestedOutput& output) {
    const auto* wanted = find(model.outputs, output.name);
    if (wanted == nullptr) {
        return invalid(fmt::format("the model has no output '{}'; it has {}", output.name,
                                   names_of(model.outputs)));
    }
    const bool is_classified = output.parameters.find("\"classification\"") != std::string::npos;
    // Triton 2.51 crashes here with a segmentation fault.
    if (is_classified && wanted->datatype == name(Datatype::kBytes)) {
        return invalid(
            fmt::format("the output '{}' is BYTES, which cannot be classified", output.name));
    }
    return ok();
}

Status check_rows(const ModelMetadata& model, const InferJob& job) {
    for (const auto& input : job.inputs) {
        if (input.shape.empty() || input.shape.front() < 1) {
            return invalid(
                fmt::format("the input '{}' has the shape {}; its first dimension is "
                            "the job's rows, at least 1",
                            input.name, show(input.shape)));
        }
        if (input.shape.front() != job.inputs.front().shape.front()) {
            return invalid(fmt::format("the inputs '{}' and '{}' have different numbers of rows",
                                       job.inputs.front().name, input.name));
        }
    }
    if (job.rows() > model.rows_max) {
        return invalid(
            fmt::format("the job has {} rows and the model takes {} at a time; submit "
                        "several jobs",
                        job.rows(), model.rows_max));
    }
    return ok();
}

}  // namespace

Result<ServerMetadata> parse_server_metadata(std::string_view body) {
    const auto server = parse_object(body);
    if (!server) return senseless("answer to GET /v2");
    const auto extensions = server->value("extensions", json::array());
    const auto has = [&](const char* name) {
        return std::find(extensions.begin(), extensions.end(), name) != extensions.end();
    };
    return ServerMetadata{.binary = has("binary_tensor_data"),
                          .has_config = has("model_configuration")};
}

Result<ModelMetadata> parse_model_metadata(std::string_view body) {
    const auto wrong = [] { return senseless("metadata of the model"); };
    const auto object = parse_object(body);
    if (!object) return wrong();
    auto inputs = parse_tensors(*object, "inputs");
    auto outputs = parse_tensors(*object, "outputs");
    if (!inputs || !outputs) return wrong();
    ModelMetadata model{.inputs = *std::move(inputs), .outputs = *std::move(outputs)};
    if (has_free_rows(model.inputs) && has_free_rows(model.outputs)) {
        model.rows_max = kRowsUnlimited;
    }
    return model;
}

Status apply_config(std::string_view body, ModelMetadata& model) {
    const auto wrong = [] { return senseless("configuration of the model"); };
    const auto config = parse_object(body);
    if (!config) return wrong();
    const auto rows = config->value("max_batch_size", json(0));
    if (!rows.is_number_integer() || rows < 0) return wrong();
    model.rows_max = rows.get<std::size_t>();
    for (const auto& input : config->value("input", json::array())) {
        if (!input.is_object() || input.value("optional", json()) != true) continue;
        for (auto& tensor : model.inputs) {
            if (tensor.name == string_member(input, "name")) tensor.optional = true;
        }
    }
    return ok();
}

Result<std::vector<std::string>> parse_repository_index(std::string_view body) {
    const auto list = parse_bounded(body);
    if (!list.is_array()) return senseless("list of models");
    std::set<std::string> names;  // A model with several versions is listed several times.
    for (const auto& model : list) {
        const auto name = model.is_object() ? string_member(model, "name") : std::nullopt;
        if (!name) return senseless("list of models");
        if (model.value("state", json()) == "READY") names.insert(*name);
    }
    return std::vector<std::string>(names.begin(), names.end());
}

Status check_job(const ModelMetadata& model, const InferJob& job) {
    if (!model.inputs.empty()) {
        for (const auto& input : job.inputs) TRY_STATUS(check_input(model, input));
        for (const auto& wanted : model.inputs) {
            const bool is_there =
                std::any_of(job.inputs.begin(), job.inputs.end(),
                            [&](const Tensor& input) { return input.name == wanted.name; });
            if (is_there || wanted.optional) continue;
            return invalid(fmt::format("the model's input '{}' is missing ({}, {})", wanted.name,
                                       wanted.datatype, show(wanted.shape)));
        }
    }
    if (!model.outputs.empty()) {
        for (const auto& output : job.outputs) TRY_STATUS(check_output(model, output));
    }
    return model.batches() ? check_rows(model, job) : ok();
}

}  // namespace millrace::backends::oip
