// Watches how many requests wait inside the servers that report it: GET /metrics, about once a
// second while jobs of this worker run there. A server without that metric is not asked again.
//
// Threads:   one caller at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "worker/backends/openai/endpoint.h"
#include "worker/backends/serving/curl_handles.h"

namespace millrace::backends::openai {

class QueueWatch {
 public:
    static constexpr milliseconds kInterval{1'000};  // Plus or minus a fifth.

    // Borrows all.
    QueueWatch(const std::vector<Endpoint>& endpoints, const curl_slist* headers,
               const serving::ConnectOptions& connect, Random& random);

    // Whether any server is watched.
    bool is_on() const;
    // Sets the metric to ask this endpoint for; empty: none.
    void ask_for(EndpointIndex endpoint, std::string_view metric);
    // Asks this endpoint, if it is time, over `multi`, which must outlive the answer.
    void ask(EndpointIndex endpoint, CURLM* multi, MonoTime now);

    // Whether the handle belongs to a question of this watch.
    bool owns(const CURL* handle) const;
    struct Answer {
        EndpointIndex endpoint = 0;
        MonoTime asked;
        std::size_t waiting = 0;  // Also 0 if the server did not report it.
    };
    // Ends the question: removes its handle from `multi`. Requires: owns(handle).
    Answer take(CURL* handle, CURLcode code, CURLM* multi);
    // Gives up every question.
    void close(CURLM* multi);

 private:
    struct Server {
        std::string url;
        std::string_view metric;     // Empty: not asked.
        serving::CurlHandle handle;  // Set while a question is open.
        std::string body;
        MonoTime asked = MonoTime::min();
        MonoTime next = MonoTime::min();
    };

    const curl_slist* const headers_;
    const serving::ConnectOptions& connect_;
    Random& random_;
    std::vector<Server> servers_;
};

// The sum of a metric's series in Prometheus text format; nothing if the metric is absent.
std::optional<double> metric_in(std::string_view text, std::string_view name);

}  // namespace millrace::backends::openai
