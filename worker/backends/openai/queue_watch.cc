#include "worker/backends/openai/queue_watch.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "common/base/check.h"
#include "common/base/log.h"

namespace millrace::backends::openai {
namespace {

constexpr long kNotImplemented = 501;  // llama-server without --metrics.
constexpr double kWaitingMax = 1e9;    // Limits nonsensical values.

}  // namespace

QueueWatch::QueueWatch(const std::vector<Endpoint>& endpoints, const curl_slist* headers,
                       const serving::ConnectOptions& connect, Random& random)
    : headers_(headers), connect_(connect), random_(random) {
    for (const auto& endpoint : endpoints) {
        servers_.push_back({.url = root_url(endpoint) + "/metrics",
                            .metric = endpoint.profile->queue_metric,
                            .handle = nullptr,
                            .body = {}});
    }
}

bool QueueWatch::is_on() const {
    return std::ranges::any_of(servers_, [](const auto& one) { return !one.metric.empty(); });
}

void QueueWatch::ask_for(EndpointIndex endpoint, std::string_view metric) {
    servers_[endpoint].metric = metric;
}

void QueueWatch::ask(EndpointIndex endpoint, CURLM* multi, MonoTime now) {
    auto& server = servers_[endpoint];
    if (server.metric.empty() || server.handle || now < server.next) return;
    const auto factor = 0.8 + 0.4 * random_.unit();
    server.asked = now;
    server.next = now + milliseconds(static_cast<std::int64_t>(factor * kInterval.count()));
    server.body.clear();
    server.handle = serving::make_handle(server.url, headers_, connect_);
    auto* handle = server.handle.get();
    serving::collect_answer(handle, server.body);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(connect_.timeout.count()));
    CHECK(curl_multi_add_handle(multi, handle) == CURLM_OK);
}

bool QueueWatch::owns(const CURL* handle) const {
    return std::ranges::any_of(servers_,
                               [&](const auto& one) { return one.handle.get() == handle; });
}

QueueWatch::Answer QueueWatch::take(CURL* handle, CURLcode code, CURLM* multi) {
    const auto found =
        std::ranges::find_if(servers_, [&](const auto& one) { return one.handle.get() == handle; });
    CHECK(found != servers_.end());
    const auto status = serving::status_of(handle);
    curl_multi_remove_handle(multi, handle);
    found->handle.reset();
    Answer answer{.endpoint = static_cast<EndpointIndex>(found - servers_.begin()),
                  .asked = found->asked};
    // The server may be down, or not up yet: the breakers handle that.
    if (code != CURLE_OK || (status >= 500 && status != kNotImplemented)) return answer;
    const auto value = status == 200 ? metric_in(found->body, found->metric) : std::nullopt;
    if (!value) {
        log_info("model endpoint does not report how many requests wait there",
                 {{"url", found->url}, {"status", status}});
        found->metric = {};
    }
    answer.waiting = static_cast<std::size_t>(std::clamp(value.value_or(0), 0.0, kWaitingMax));
    return answer;
}

void QueueWatch::close(CURLM* multi) {
    for (auto& server : servers_) {
        if (!server.handle) continue;
        curl_multi_remove_handle(multi, server.handle.get());
        server.handle.reset();
    }
}

std::optional<double> metric_in(std::string_view text, std::string_view name) {
    std::optional<double> sum;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find('\n', begin), text.size());
        auto line = text.substr(begin, end - begin);
        begin = end + 1;
        if (!line.starts_with(name)) continue;
        line.remove_prefix(name.size());
        if (line.starts_with('{')) {
            const auto labels_end = line.rfind('}');
            if (labels_end == std::string_view::npos) continue;
            line.remove_prefix(labels_end + 1);
        }
        // Otherwise it is the beginning of a longer name.
        if (!line.starts_with(' ')) continue;
        const auto value = std::strtod(std::string(line).c_str(), nullptr);
        if (std::isfinite(value)) sum = sum.value_or(0) + value;
    }
    return sum;
}

}  // namespace millrace::backends::openai
