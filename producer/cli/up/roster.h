// The gateway's view of its workers and of the waiting jobs, read at most a few times a second.
//
// Threads: one caller at a time.
// Blocks:  during small requests to this machine. If the gateway hangs, for at most a fifth of the
//          time, however many workers are asked about.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/http/http_client.h"
#include "producer/cli/api_client.h"

namespace millrace::cli::up {

class Roster {
 public:
    // Longer than the gateway caches its list of workers (`cache_max` in
    // producer/commands/commands.h).
    static constexpr milliseconds kListAgeMax{1500};

    explicit Roster(const Clock& clock) : clock_(clock) {}

    void look_at(std::string url) { url_ = std::move(url); }

    // The models of the worker in process `pid`, or null if it was not heard from since `since`. An
    // earlier process with the same id may be listed as alive for a while.
    const std::vector<std::string>* models_of(pid_t pid, MonoTime since);
    // Whether the gateway answers and lists a worker at work in this process.
    bool has(pid_t pid, MonoTime since);
    // Whether the gateway listed no such worker at some moment after `asked`, so that it had
    // claimed nothing by `asked`. The answer comes no sooner than kListAgeMax after `asked`,
    // because the gateway's list may be that old.
    bool lacked(pid_t pid, MonoTime since, MonoTime asked);
    // "1 worker, 0 running, 0 waiting", where `workers` of them are alive.
    std::string summary(std::size_t workers);

 private:
    struct Entry {
        std::vector<std::string> models;
        MonoTime heard_at;
        bool is_draining;
    };

    std::optional<Json> get(const std::string& path);
    void read_workers();
    bool read_now();
    const Entry* find(pid_t pid, MonoTime since) const;

    const Clock& clock_;
    std::string url_;
    http::Client client_;
    MonoTime next_;
    MonoTime rests_until_;  // After a request that failed slowly.
    std::map<pid_t, Entry> at_work_;
};

}  // namespace millrace::cli::up
