// Which of several servers, each serving the same models, gets the next request for a model: the
// one with the fewest requests among those that seem to work.
//
// Health is known from results alone, for each model on each server: a server whose model has died
// goes on calling itself ready, and its other models may be fine. After failures in a row a pair is
// left alone for a while that doubles up to a few seconds; then a single request finds out.
//
// Threads:   one caller at a time.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"

namespace millrace::worker {

// The health of one model on one server.
class ModelHealth {
 public:
    enum class Permit { kAny, kProbe, kNone };

    Permit permit(MonoTime now) const;
    // A probe was sent: nothing else is, until its result or abandoned().
    void probing() { probing_ = true; }
    void abandoned() { probing_ = false; }
    // Both return whether it opened or closed by this.
    bool alive();
    // `is_dead`: no doubt about it; otherwise a few failures in a row are awaited.
    bool failed(bool is_dead, MonoTime now);

    // Until the next request may be sent; zero when now.
    milliseconds wait(MonoTime now) const;

 private:
    bool is_open() const;

    int failures_ = 0;  // In a row.
    bool probing_ = false;
    milliseconds delay_{0};
    MonoTime retry_at_;
};

class Servers {
 public:
    struct Choice {
        std::size_t index = 0;
        bool is_probe = false;
    };

    explicit Servers(std::vector<std::string> base_urls);

    const std::string& base_url(std::size_t index) const { return servers_[index].base_url; }

    // Nothing when none may be asked now. Otherwise counts as sent: released() must follow.
    std::optional<Choice> choose(const std::string& model, MonoTime now);
    void released(std::size_t index) { --servers_[index].in_flight; }

    ModelHealth& health(std::size_t index, const std::string& model) {
        return servers_[index].healths[model];
    }
    // Until one of them may be asked again.
    milliseconds wait(const std::string& model, MonoTime now);

 private:
    struct Server {
        std::string base_url;
        std::size_t in_flight = 0;
        std::map<std::string, ModelHealth> healths;  // By model.
    };

    std::vector<Server> servers_;
    std::size_t turn_ = 0;
};

}  // namespace millrace::worker
