// Chooses the server that gets the next request for a model, of several that serve the same models:
// the one with the fewest requests among those that seem to work.
//
// Only results show health, for each model on each server: a server whose model has died goes on
// reporting that it is ready, and its other models may work. After several failures in a row the
// pair is left alone for a time that doubles, up to a few seconds; then a single request tests it.
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

namespace millrace::backends::oip {

// The health of one model on one server.
class ModelHealth {
 public:
    enum class Permit { kAny, kProbe, kNone };

    Permit permit(MonoTime now) const;
    // A probe was sent: nothing else is sent until its result or abandoned().
    void probing() { probing_ = true; }
    void abandoned() { probing_ = false; }
    // alive() and failed() return whether this call closed or opened it.
    bool alive();
    // `is_dead`: the failure is certain; otherwise a few failures in a row are needed.
    bool failed(bool is_dead, MonoTime now);

    // Time until the next request may be sent; zero if it may be now.
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

    // Nothing if no server may be asked now. Otherwise it counts as sent: released() must follow.
    std::optional<Choice> choose(const std::string& model, MonoTime now);
    void released(std::size_t index) { --servers_[index].in_flight; }

    ModelHealth& health(std::size_t index, const std::string& model) {
        return servers_[index].healths[model];
    }
    // Time until one of them may be asked again.
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

}  // namespace millrace::backends::oip
