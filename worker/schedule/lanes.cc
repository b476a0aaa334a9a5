#include "worker/schedule/lanes.h"

#include <utility>

namespace millrace::worker {

Lanes::Lanes(std::vector<LaneInfo> lanes, std::size_t backends, std::size_t buffer_max)
    : lanes_(std::move(lanes)),
      backends_(backends),
      buffer_max_(buffer_max),
      buffers_(lanes_.size(), std::vector<Buffer>(backends + 1)) {}

void Lanes::push(std::vector<Candidate> candidates) {
    const std::lock_guard lock(mutex_);
    for (auto& candidate : candidates) buffer_of(candidate).push_back(std::move(candidate));
}

void Lanes::put_back(std::vector<Candidate> candidates) {
    const std::lock_guard lock(mutex_);
    for (auto it = candidates.rbegin(); it != candidates.rend(); ++it) {
        buffer_of(*it).push_front(std::move(*it));
    }
}

std::size_t Lanes::waiting(LaneIndex lane) const {
    const std::lock_guard lock(mutex_);
    std::size_t waiting = 0;
    for (const auto& buffer : buffers_[lane]) waiting += buffer.size();
    return waiting;
}

std::vector<std::size_t> Lanes::waiting_for(BackendIndex backend) const {
    const std::lock_guard lock(mutex_);
    return waiting_for_locked(backend);
}

std::vector<Candidate> Lanes::pick(BackendIndex backend, std::size_t max, Shares& shares,
                                   std::vector<std::size_t> held) {
    const std::lock_guard lock(mutex_);
    std::vector<Candidate> picked;
    auto waiting = waiting_for_locked(backend);
    while (picked.size() < max) {
        const auto lane = shares.pick(waiting, held);
        if (!lane) break;
        auto& buffer = buffers_[*lane][backend];
        picked.push_back(std::move(buffer.front()));
        buffer.pop_front();
        --waiting[*lane];
        ++held[*lane];
    }
    return picked;
}

std::vector<Candidate> Lanes::take_unread(std::size_t max) {
    const std::lock_guard lock(mutex_);
    std::vector<Candidate> taken;
    for (auto& lane : buffers_) {
        auto& unread = lane[backends_];
        while (taken.size() < max && !unread.empty()) {
            taken.push_back(std::move(unread.front()));
            unread.pop_front();
        }
    }
    return taken;
}

Lanes::Buffer& Lanes::buffer_of(const Candidate& candidate) {
    return buffers_[candidate.lane][candidate.backend.value_or(backends_)];
}

std::vector<std::size_t> Lanes::waiting_for_locked(BackendIndex backend) const {
    std::vector<std::size_t> waiting;
    waiting.reserve(lanes_.size());
    for (const auto& lane : buffers_) waiting.push_back(lane[backend].size());
    return waiting;
}

std::vector<LaneInfo> lanes_of(const std::vector<std::string>& queues) {
    std::vector<LaneInfo> lanes;
    for (const auto priority : kPriorities) {
        for (const auto& queue : queues) lanes.push_back({.queue = queue, .priority = priority});
    }
    return lanes;
}

}  // namespace millrace::worker
