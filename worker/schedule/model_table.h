// Which backend serves which model.
//
// Threads: immutable after construction.
#pragma once

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

    std::optional<BackendIndex> find(const std::string& model) const;
    const std::vector<BackendInfo>& backends() const { return backends_; }
    std::vector<std::string> models() const;

 private:
    std::vector<BackendInfo> backends_;
    std::unordered_map<std::string, BackendIndex> by_model_;
};

}  // namespace millrace::worker
