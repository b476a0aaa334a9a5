// Which backend serves which model, now: backends get models and lose them while jobs run.
//
// Threads: thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/backend.h"
#include "worker/schedule/candidate.h"

namespace millrace::worker {

class ModelTable {
 public:
    // kInvalidArgument when there is no backend, or when two of them serve the same model.
    static Result<ModelTable> make(std::vector<BackendInfo> backends);

    // The same backends, in the same order, with the models that they serve now. Where two serve
    // the same, it stays with the one that has it. Returns the models of which that holds.
    std::vector<std::string> replace(const std::vector<BackendInfo>& backends);

    std::optional<BackendIndex> find(const std::string& model) const;
    // The backends as they were at first: all but their models is still so.
    const std::vector<BackendInfo>& backends() const { return backends_; }
    std::vector<std::string> models_of(BackendIndex backend) const;
    std::vector<std::string> models() const;
    // Whether there is something to serve, and not just stand-ins while a backend waits.
    bool is_of_use() const;

 private:
    struct Now {
        std::mutex mutex;
        // Guarded by mutex.
        std::unordered_map<std::string, BackendIndex> by_model;
        bool waits = false;  // A backend does, for something to serve.
    };

    std::vector<BackendInfo> backends_;
    std::unique_ptr<Now> now_ = std::make_unique<Now>();
};

}  // namespace millrace::worker
