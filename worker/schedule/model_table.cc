#include "worker/schedule/model_table.h"

#include <algorithm>

namespace millrace::worker {

Result<ModelTable> ModelTable::make(std::vector<BackendInfo> backends) {
    ModelTable table;
    table.backends_ = std::move(backends);
    if (table.backends_.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     "no backend is configured: set one of backend.synthetic.enabled, "
                     "backend.llama.model and backend.openai.url"};
    }
    for (BackendIndex i = 0; i < table.backends_.size(); ++i) {
        for (const auto& model : table.backends_[i].models) {
            const auto [known, added] = table.by_model_.emplace(model, i);
            if (added || known->second == i) continue;
            return Error{ErrorCode::kInvalidArgument,
                         "the backends " + table.backends_[known->second].name + " and " +
                             table.backends_[i].name + " both serve the model \"" + model +
                             "\": rename it in one of them"};
        }
    }
    return table;
}

std::optional<BackendIndex> ModelTable::find(const std::string& model) const {
    const auto found = by_model_.find(model);
    if (found == by_model_.end()) return std::nullopt;
    return found->second;
}

std::vector<std::string> ModelTable::models() const {
    std::vector<std::string> models;
    for (const auto& [model, backend] : by_model_) models.push_back(model);
    std::sort(models.begin(), models.end());
    return models;
}

}  // namespace millrace::worker
