#include "producer/api/path_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "common/base/nearest.h"
#include "common/base/text.h"
#include "producer/api/routes.h"
#include "producer/server/header_values.h"

namespace millrace::api {
namespace {

// The last parts of the paths of an OpenAI-compatible model server.
constexpr std::array<std::string_view, 9> kModelCalls{
    "chat/completions", "completions", "embeddings", "responses",         "generate",
    "messages",         "rerank",      "infer",      "images/generations"};

bool is_route(std::string_view path) {
    return !allowed_methods(path).empty();
}

// Removes repeated slashes and the one at the end.
std::string tidied(std::string_view path) {
    std::string tidy;
    for (const char c : path) {
        if (c != '/' || !tidy.ends_with('/')) tidy += c;
    }
    while (tidy.size() > 1 && tidy.ends_with('/')) tidy.pop_back();
    return tidy;
}

// The route that the path resembles most, or an empty text; ids are kept. The path may lack the
// version, have a foreign prefix or capital letters, or contain a slip.
std::string nearest_route(const std::string& path) {
    std::vector<std::string> forms;
    for (std::size_t at = 0; at != std::string::npos; at = path.find('/', at + 1)) {
        const auto rest = path.substr(at);
        for (const auto& form : {rest, "/v1" + rest}) {
            forms.push_back(form);
            forms.push_back(lower(form));
        }
    }
    const auto route = std::ranges::find_if(forms, is_route);
    if (route != forms.end()) return *route;
    std::vector<std::string_view> patterns;
    for (const auto& each : route_table()) {
        if (each.pattern.find('{') == std::string_view::npos) patterns.push_back(each.pattern);
    }
    for (const auto& form : forms) {
        const auto nearest = nearest_name(form, patterns);
        if (!nearest.empty()) return std::string(nearest);
    }
    return {};
}

}  // namespace

std::string path_advice(std::string_view path) {
    constexpr std::string_view kThereIs =
        "The paths are /v1/jobs, /v1/jobs:batch, /v1/jobs/{id}, /v1/queues, /v1/workers, /healthz, "
        "/readyz and /metrics.";
    constexpr std::size_t kPathMax = 200;
    if (path.size() > kPathMax) return std::string(kThereIs);
    const auto tidy = tidied(path);
    const auto ends_as = [&](std::string_view call) {
        return tidy.ends_with(call) && tidy[tidy.size() - call.size() - 1] == '/';
    };
    if (std::ranges::any_of(kModelCalls, [&](std::string_view call) {
            return tidy.size() > call.size() && ends_as(call);
        })) {
        return "Millrace is a queue: send that request's body as the `input` of a job to POST "
               "/v1/jobs, as in {\"model\": \"…\", \"input\": {\"messages\": […]}}; the header "
               "Prefer: wait=50 waits for its result.";
    }
    if (tidy.ends_with("/models")) return "GET /v1/workers shows which models are served.";
    const auto nearest = nearest_route(tidy);
    if (!nearest.empty()) return fmt::format("Did you mean {}?", nearest);
    if (tidy.starts_with("/v1/jobs/")) {
        return "A job is at /v1/jobs/{id}, and has /result, /events, /cancel and /retry below "
               "that.";
    }
    return std::string(kThereIs);
}

}  // namespace millrace::api
