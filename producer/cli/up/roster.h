// What the gateway tells of its workers, and of what waits: read again at most a few times a
// second.
//
// Threads: one caller at a time. Blocks: read(), for small requests to this machine.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/http/http_client.h"

namespace millrace::cli {

class Roster {
 public:
    // More than the gateway keeps its answer about workers for (query::Commands' cache_max).
    static constexpr milliseconds kListAgeMax{1500};

    explicit Roster(const Clock& clock) : clock_(clock) {}

    void look_at(std::string url) { url_ = std::move(url); }

    // The models of the worker in this process, if it was heard since then; else null. An earlier
    // process of the same id may be listed as alive for a while.
    const std::vector<std::string>* models_of(pid_t pid, MonoTime since);
    // Whether the gateway answers and knows of a worker at work in this process.
    bool has(pid_t pid, MonoTime since);
    // Whether the gateway knew of none at some moment after `asked`, so that it had claimed nothing
    // by `asked`. No sooner than kListAgeMax after it: the gateway's list may be that old.
    bool lacked(pid_t pid, MonoTime since, MonoTime asked);
    // "1 worker, 0 running, 0 waiting", with `workers` of them alive.
    std::string summary(std::size_t workers);

 private:
    struct Entry {
        std::vector<std::string> models;
        MonoTime heard_at;
        bool is_draining;
    };

    void read_workers();
    bool read_now();
    const Entry* find(pid_t pid, MonoTime since) const;

    const Clock& clock_;
    std::string url_;
    http::Client client_;
    MonoTime next_;
    std::map<pid_t, Entry> at_work_;
};

}  // namespace millrace::cli
