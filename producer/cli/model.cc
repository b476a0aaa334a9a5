#include "producer/cli/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "producer/cli/show.h"

namespace millrace::cli {
namespace {

constexpr std::string_view kSynthetic = "synthetic";
constexpr std::string_view kHow = "name one with --model, or with MILLRACE_MODEL for all commands";

bool is_of(const Json& worker, const std::string& queue) {
    if (queue.empty()) return true;
    const auto& queues = member_of(worker, "queues");
    return std::ranges::find(queues, Json(queue)) != queues.end();
}

std::set<std::string> models_of(const Json& workers, const std::string& queue, bool only_alive) {
    std::set<std::string> models;
    for (const auto& worker : member_of(workers, "data")) {
        if (only_alive && text_of(worker, "state") != "alive") continue;
        if (!is_of(worker, queue)) continue;
        for (const auto& model : member_of(worker, "models")) {
            if (model.is_string()) models.insert(model.get<std::string>());
        }
    }
    return models;
}

}  // namespace

Result<std::string> only_model(ApiClient& api, const std::string& queue) {
    TRY(const auto workers, api.workers());
    auto model = only_model(workers.json, queue);
    if (model.has_value() || queue.empty()) return model;
    // If the queue is mistyped, naming a model does not help.
    TRY(const auto lanes, api.queues());
    std::set<std::string> queues;
    for (const auto& lane : member_of(lanes.json, "data")) {
        if (lane.is_object()) queues.insert(text_of(lane, "queue"));
    }
    if (queues.empty() || queues.contains(queue)) return model;
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("there is no queue \"{}\"; the known ones are {}", queue,
                             fmt::join(queues, ", "))};
}

Result<std::string> only_model(const Json& workers, const std::string& queue) {
    // The command must also work while all workers are restarting.
    auto models = models_of(workers, queue, true);
    if (models.empty()) models = models_of(workers, queue, false);
    if (models.size() > 1) models.erase(std::string(kSynthetic));
    if (models.size() == 1) return *models.begin();
    if (models.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("no worker{} serves a model: {}",
                                 queue.empty() ? "" : fmt::format(" of queue {}", queue), kHow)};
    }
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{} models are served ({}): {}", models.size(), fmt::join(models, ", "), kHow)};
}

}  // namespace millrace::cli
