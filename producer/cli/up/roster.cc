#include "producer/cli/up/roster.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace millrace::cli {
namespace {

using Json = nlohmann::json;

constexpr milliseconds kTimeout{2000};
constexpr milliseconds kInterval{100};

std::optional<Json> get(http::Client& client, const std::string& url) {
    const auto answer = client.send({.url = url, .timeout = kTimeout});
    if (!answer.has_value() || answer->status != 200) return std::nullopt;
    auto json = Json::parse(answer->body, nullptr, false);
    if (!json.is_object() || !json.contains("data") || !json["data"].is_array())
        return std::nullopt;
    return std::optional<Json>(std::in_place, std::move(json));
}

}  // namespace

void Roster::read_workers() {
    if (!url_.empty() && clock_.now() >= next_) read_now();
}

bool Roster::read_now() {
    const auto workers = get(client_, url_ + "/v1/workers");
    next_ = clock_.now() + kInterval;
    if (!workers) return false;
    at_work_.clear();
    for (const auto& worker : (*workers)["data"]) {  // Newest first, so emplace() keeps the newest.
        const auto state = worker.value("state", "");
        if (state != "alive" && state != "draining") continue;
        const milliseconds age(worker.value("heartbeat_age_ms", std::int64_t{0}));
        at_work_.emplace(worker.value("pid", 0),
                         Entry{.models = worker.value("models", std::vector<std::string>()),
                               .heard_at = clock_.now() - age,
                               .is_draining = state == "draining"});
    }
    return true;
}

const Roster::Entry* Roster::find(pid_t pid, MonoTime since) const {
    const auto found = at_work_.find(pid);
    const bool is_it = found != at_work_.end() && found->second.heard_at >= since;
    return is_it ? &found->second : nullptr;
}

const std::vector<std::string>* Roster::models_of(pid_t pid, MonoTime since) {
    read_workers();
    const auto* entry = find(pid, since);
    return entry != nullptr && !entry->is_draining ? &entry->models : nullptr;
}

bool Roster::has(pid_t pid, MonoTime since) {
    read_workers();
    return find(pid, since) != nullptr;
}

bool Roster::lacked(pid_t pid, MonoTime since, MonoTime asked) {
    if (url_.empty() || clock_.now() - asked < kListAgeMax) return false;
    return read_now() && find(pid, since) == nullptr;
}

std::string Roster::summary(std::size_t workers) {
    const auto queues = get(client_, url_ + "/v1/queues");
    if (!queues) return "the gateway does not answer";
    std::int64_t running = 0;
    std::int64_t waiting = 0;
    std::string lanes;
    for (const auto& lane : (*queues)["data"]) {
        const auto queued = lane.value("queued", std::int64_t{0});
        running += lane.value("in_progress", std::int64_t{0});
        waiting += queued;
        if (queued == 0) continue;
        lanes += fmt::format("{}{}/{} {}", lanes.empty() ? "" : ", ", lane.value("queue", ""),
                             lane.value("priority", ""), queued);
    }
    return fmt::format("{} worker{}, {} running, {} waiting{}", workers, workers == 1 ? "" : "s",
                       running, waiting, lanes.empty() ? "" : fmt::format(" ({})", lanes));
}

}  // namespace millrace::cli
