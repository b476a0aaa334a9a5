#include "worker/backends/oip/part.h"

#include <algorithm>
#include <string>

namespace millrace::backends::oip {
namespace {

struct Open {
    std::string key;
    std::size_t rows = 0;
    Part part;
};

}  // namespace

std::deque<Part> make_parts(std::span<const InferJob* const> jobs, const Part& among,
                            const ModelMetadata& model, std::size_t rows_max) {
    const auto limit = std::min(rows_max, model.rows_max);
    std::deque<Open> open;
    for (const auto index : among) {
        const auto& job = *jobs[index];
        if (!model.batches()) {
            open.push_back({.part = {index}});
            continue;
        }
        auto key = infer_key(job);
        const auto rows = job.rows();
        const auto found = std::find_if(open.begin(), open.end(), [&](const Open& other) {
            return other.key == key && other.rows + rows <= limit;
        });
        if (found == open.end()) {
            open.push_back({std::move(key), rows, {index}});
        } else {
            found->rows += rows;
            found->part.push_back(index);
        }
    }
    std::deque<Part> parts;
    for (auto& each : open) parts.push_back(std::move(each.part));
    return parts;
}

void push_halves(const Part& part, std::deque<Part>& parts) {
    const auto middle = part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2);
    parts.emplace_front(middle, part.end());
    parts.emplace_front(part.begin(), middle);
}

}  // namespace millrace::backends::oip
