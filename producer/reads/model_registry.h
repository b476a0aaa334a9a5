// An in-memory list of the queues, of the models that their workers run, and of whether each has a
// worker.
//
// Threads:   thread-safe.
// Blocks:    never.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/storage/records.h"

namespace millrace::reads {

class ModelRegistry {
 public:
    // Every queue knows the `configured` models.
    ModelRegistry(std::vector<std::string> queues, std::vector<std::string> configured)
        : queues_(std::move(queues)), configured_(std::move(configured)) {
        models_ = as_configured(true);
    }

    const std::vector<std::string>& queues() const { return queues_; }

    bool known(const std::string& queue, const std::string& model) const {
        const ReadLock lock(mutex_);
        return find(queue, model) != nullptr;
    }

    // Whether a worker that takes jobs serves the model. True if that is unknown: before the first
    // replace(), or for a queue or a model that is not in the list.
    bool has_worker(const std::string& queue, const std::string& model) const {
        const ReadLock lock(mutex_);
        const auto* has_worker = find(queue, model);
        return has_worker == nullptr || *has_worker;
    }

    std::vector<std::string> models(const std::string& queue) const {
        const ReadLock lock(mutex_);
        std::vector<std::string> names;
        const auto models = models_.find(queue);
        if (models == models_.end()) return names;
        for (const auto& [model, has_worker] : models->second) names.push_back(model);
        return names;
    }

    // Takes over what the store says. Queues that are not in the list are ignored.
    void replace(const std::vector<storage::KnownModel>& announced) {
        auto models = as_configured(false);
        for (const auto& [queue, model, has_worker] : announced) {
            const auto known = models.find(queue);
            if (known != models.end()) known->second[model] = has_worker;
        }
        const WriteLock lock(mutex_);
        models_.swap(models);
    }

 private:
    // By queue and model: whether the model has a worker.
    using Models = std::map<std::string, std::map<std::string, bool>>;

    Models as_configured(bool have_workers) const {
        Models models;
        for (const auto& queue : queues_) {
            auto& known = models[queue];
            for (const auto& model : configured_) known[model] = have_workers;
        }
        return models;
    }

    // Returns null for an unknown model.
    const bool* find(const std::string& queue, const std::string& model) const
        REQUIRES_SHARED(mutex_) {
        const auto models = models_.find(queue);
        if (models == models_.end()) return nullptr;
        const auto known = models->second.find(model);
        return known == models->second.end() ? nullptr : &known->second;
    }

    const std::vector<std::string> queues_;
    const std::vector<std::string> configured_;

    mutable SharedMutex mutex_;
    Models models_ GUARDED_BY(mutex_);
};

}  // namespace millrace::reads
