// Which queues exist and which models their workers run, from memory.
//
// Threads:   thread-safe.
// Blocks:    never.
#pragma once

#include <map>
#include <set>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

namespace millrace::gateway {

class ModelRegistry {
 public:
    // `configured` models are known in every queue.
    ModelRegistry(std::vector<std::string> queues, std::vector<std::string> configured)
        : queues_(std::move(queues)), configured_(std::move(configured)) {
        replace({});
    }

    const std::vector<std::string>& queues() const { return queues_; }

    bool known(const std::string& queue, const std::string& model) const {
        const std::shared_lock lock(mutex_);
        const auto models = models_.find(queue);
        return models != models_.end() && models->second.contains(model);
    }

    std::vector<std::string> models(const std::string& queue) const {
        const std::shared_lock lock(mutex_);
        const auto models = models_.find(queue);
        if (models == models_.end()) return {};
        return {models->second.begin(), models->second.end()};
    }

    // What the store says: pairs of queue and model. Other queues than ours are left out.
    void replace(const std::vector<std::pair<std::string, std::string>>& announced) {
        std::map<std::string, std::set<std::string>> models;
        for (const auto& queue : queues_)
            models[queue].insert(configured_.begin(), configured_.end());
        for (const auto& [queue, model] : announced) {
            if (models.contains(queue)) models[queue].insert(model);
        }
        const std::lock_guard lock(mutex_);
        models_.swap(models);
    }

 private:
    const std::vector<std::string> queues_;
    const std::vector<std::string> configured_;

    mutable std::shared_mutex mutex_;
    std::map<std::string, std::set<std::string>> models_;  // Guarded by mutex_.
};

}  // namespace millrace::gateway
