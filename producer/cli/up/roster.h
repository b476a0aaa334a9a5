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
    explicit Roster(const Clock& clock) : clock_(clock) {}

    void look_at(std::string url) { url_ = std::move(url); }

    // The models of the worker in this process, if it was heard since then; else null. An earlier
    // process of the same id may be listed as alive for a while.
    const std::vector<std::string>* models_of(pid_t pid, MonoTime since);
    // Whether the gateway answers, now, and knows of no worker at work in this process, so that it
    // has claimed nothing yet.
    bool lacks(pid_t pid, MonoTime since);
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
