#include "worker/schedule/model_table.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/text.h"

namespace millrace::schedule {
namespace {

// The longest name of a model that a job can give (producer/api/codec/submission.cc); an index of
// PostgreSQL holds little more.
constexpr std::size_t kModelBytesMax = 256;

bool can_be_asked_for(const std::string& model) {
    return is_storable(model) && !model.empty() && model.size() <= kModelBytesMax;
}

// Servers choose the names of models. One that PostgreSQL refuses would fail every statement that
// names the models.
void leave_out_unnameable(std::vector<backends::BackendInfo>& backends) {
    for (auto& backend : backends) {
        const auto left_out = std::erase_if(
            backend.models, [](const auto& model) { return !can_be_asked_for(model); });
        if (left_out == 0) continue;
        log_warning("left out models: a job cannot give their names (empty, too long or not text)",
                    {{"backend", backend.name}, {"models", left_out}});
    }
}

}  // namespace

Result<ModelTable> ModelTable::make(std::vector<backends::BackendInfo> backends) {
    ModelTable table;
    table.backends_ = std::move(backends);
    if (table.backends_.empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     "no backend is configured: set one of backend.llama.model, backend.oip.url, "
                     "backend.openai.url, backend.process.command and "
                     "backend.synthetic.enabled"};
    }
    leave_out_unnameable(table.backends_);
    std::unordered_map<std::string, BackendIndex> by_model;
    bool waits = false;
    for (BackendIndex i = 0; i < table.backends_.size(); ++i) {
        waits = waits || !table.backends_[i].waits_for.empty();
        for (const auto& model : table.backends_[i].models) {
            const auto [known, added] = by_model.emplace(model, i);
            if (added || known->second == i) continue;
            return Error{ErrorCode::kInvalidArgument,
                         "the backends " + table.backends_[known->second].name + " and " +
                             table.backends_[i].name + " both serve the model \"" + model +
                             "\": rename it in one of them"};
        }
    }
    const MutexLock lock(table.now_->mutex);
    table.now_->by_model = std::move(by_model);
    table.now_->waits = waits;
    return table;
}

std::vector<std::string> ModelTable::replace(std::vector<backends::BackendInfo> backends) {
    CHECK(backends.size() == backends_.size());
    leave_out_unnameable(backends);
    std::unordered_map<std::string, BackendIndex> by_model;
    std::vector<std::string> twice;
    bool waits = false;
    const MutexLock lock(now_->mutex);
    for (BackendIndex i = 0; i < backends.size(); ++i) {
        waits = waits || !backends[i].waits_for.empty();
        for (const auto& model : backends[i].models) {
            const auto before = now_->by_model.find(model);
            const auto [known, added] = by_model.emplace(model, i);
            if (added || known->second == i) continue;
            if (before != now_->by_model.end() && before->second == i) known->second = i;
            twice.push_back(model);
        }
    }
    now_->by_model = std::move(by_model);
    now_->waits = waits;
    return twice;
}

std::optional<BackendIndex> ModelTable::find(const std::string& model) const {
    const MutexLock lock(now_->mutex);
    const auto found = now_->by_model.find(model);
    if (found == now_->by_model.end()) return std::nullopt;
    return found->second;
}

std::vector<std::string> ModelTable::models_of(BackendIndex backend) const {
    const MutexLock lock(now_->mutex);
    std::vector<std::string> models;
    for (const auto& [model, its] : now_->by_model) {
        if (its == backend) models.push_back(model);
    }
    std::sort(models.begin(), models.end());
    return models;
}

std::vector<std::string> ModelTable::models() const {
    const MutexLock lock(now_->mutex);
    std::vector<std::string> models;
    for (const auto& [model, backend] : now_->by_model) models.push_back(model);
    std::sort(models.begin(), models.end());
    return models;
}

bool ModelTable::is_of_use() const {
    const MutexLock lock(now_->mutex);
    if (!now_->waits) return true;
    return std::ranges::any_of(
        now_->by_model, [this](const auto& each) { return !backends_[each.second].is_stand_in; });
}

}  // namespace millrace::schedule
