// How many requests wait inside the servers, where these tell it: GET /metrics, about once a second
// while something of ours runs there. A server that does not answer so is not asked again.
//
// Threads:   one caller at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "worker/backends/http/curl_handles.h"
#include "worker/backends/openai/endpoint.h"

namespace millrace::worker {

class QueueWatch {
 public:
    static constexpr milliseconds kInterval{1'000};  // Plus or minus a fifth.

    // Borrows all.
    QueueWatch(const std::vector<Endpoint>& endpoints, const curl_slist* headers,
               const ConnectOptions& connect, Random& random);

    // Whether there is anyone to ask.
    bool is_on() const;
    // From now on this one is asked for that metric, empty: for none.
    void ask_for(EndpointIndex endpoint, std::string_view metric);
    // Asks this one, if it is time, over `multi`, which must outlive the answer.
    void ask(EndpointIndex endpoint, CURLM* multi, MonoTime now);

    // Whether the handle is a question of this watch.
    bool owns(const CURL* handle) const;
    struct Answer {
        EndpointIndex endpoint = 0;
        MonoTime asked;
        std::size_t waiting = 0;  // 0 too where it did not tell.
    };
    // The question is over: removes its handle from `multi`. Requires: owns(handle).
    Answer take(CURL* handle, CURLcode code, CURLM* multi);
    // Gives up every question.
    void close(CURLM* multi);

 private:
    struct Server {
        std::string url;
        std::string_view metric;  // Empty: it is not asked.
        CurlHandle handle;        // While it is being asked.
        std::string body;
        MonoTime asked = MonoTime::min();
        MonoTime next = MonoTime::min();
    };

    const curl_slist* const headers_;
    const ConnectOptions& connect_;
    Random& random_;
    std::vector<Server> servers_;
};

// The value of a metric in Prometheus' text, all its series together; nothing where there is none.
std::optional<double> metric_in(std::string_view text, std::string_view name);

}  // namespace millrace::worker
