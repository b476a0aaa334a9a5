// Which backend serves which model now. Backends gain and lose models while jobs run. Models whose
// names no job can say are left out: empty, too long or not storable.
//
// Threads: thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/result.h"
#include "worker/backends/backend.h"
#include "worker/schedule/candidate.h"

namespace millrace::schedule {

class ModelTable {
 public:
    // kInvalidArgument if there is no backend, or if two of them serve the same model.
    static Result<ModelTable> make(std::vector<backends::BackendInfo> backends);

    // Takes the same backends, in the same order, with the models that they serve now. If two serve
    // the same model, it stays with the one that already has it. Returns the models that two serve.
    std::vector<std::string> replace(std::vector<backends::BackendInfo> backends);

    std::optional<BackendIndex> find(const std::string& model) const;
    // The backends as they were at the start. Only their models can have changed since.
    const std::vector<backends::BackendInfo>& backends() const { return backends_; }
    std::vector<std::string> models_of(BackendIndex backend) const;
    std::vector<std::string> models() const;
    // Whether there is something to serve, and not only stand-ins while a backend waits.
    bool is_of_use() const;

 private:
    struct Now {
        Mutex mutex;
        std::unordered_map<std::string, BackendIndex> by_model GUARDED_BY(mutex);
        bool waits GUARDED_BY(mutex) = false;  // Whether a backend waits for something to serve.
    };

    std::vector<backends::BackendInfo> backends_;
    std::unique_ptr<Now> now_ = std::make_unique<Now>();
};

}  // namespace millrace::schedule
