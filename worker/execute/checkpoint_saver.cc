#include "worker/execute/checkpoint_saver.h"

#include <utility>
#include <vector>

#include "common/base/log.h"

namespace millrace::execute {

void CheckpointSaver::step() {
    const auto now = clock_.now();
    while (true) {
        auto checkpoints = outputs_.take_checkpoints(now, limits_);
        if (checkpoints.empty()) return;
        // There are few checkpoints of earlier incarnations.
        for (auto next = checkpoints.begin(); next != checkpoints.end();) {
            const auto worker = next->first;
            std::vector<storage::PartialCheckpoint> batch;
            for (; next != checkpoints.end() && next->first == worker; ++next) {
                batch.push_back(std::move(next->second));
            }
            const auto saved = save(worker, batch);
            if (saved.has_value()) continue;
            // A lost checkpoint is not sent again: the next one holds more, and the job's end all.
            log_debug("partial output was not saved", {{"error", to_string(saved.error())}});
            return;
        }
    }
}

// Finds by halving what cannot be stored, and saves everything else.
Status CheckpointSaver::save(WorkerId worker, std::span<const storage::PartialCheckpoint> batch) {
    auto saved = store_.partial_save(worker, {batch.begin(), batch.end()});
    if (saved.has_value() || saved.error().code != ErrorCode::kDataCorrupt) return saved;
    if (batch.size() == 1) {
        log_warning("a job's partial output cannot be stored and is left out",
                    {{"job", batch.front().key.job.str()}, {"error", saved.error().message}});
        return ok();
    }
    const auto half = batch.size() / 2;
    TRY_STATUS(save(worker, batch.first(half)));
    return save(worker, batch.subspan(half));
}

}  // namespace millrace::execute
