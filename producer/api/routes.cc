#include "producer/api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "producer/api/advice.h"
#include "producer/api/handlers.h"

namespace millrace::api {
namespace {

constexpr std::array kRoutes{
    Route{Method::kPost, "/v1/jobs", "submit_job", submit_job, true},
    Route{Method::kPost, "/v1/jobs:batch", "submit_batch", submit_batch, true},
    Route{Method::kPost, "/v1/jobs:retry", "retry_jobs", retry_jobs, true},
    Route{Method::kPost, "/v1/jobs:cancel", "cancel_jobs", cancel_jobs, true},
    Route{Method::kGet, "/v1/jobs", "list_jobs", list_jobs},
    Route{Method::kPut, "/v1/jobs/{id}", "put_job", put_job, true},
    Route{Method::kGet, "/v1/jobs/{id}", "get_job", get_job},
    Route{Method::kGet, "/v1/jobs/{id}/result", "get_result", get_result},
    Route{Method::kGet, "/v1/jobs/{id}/events", "stream_events", stream_events, false, true},
    Route{Method::kPost, "/v1/jobs/{id}/cancel", "cancel_job", cancel_job},
    Route{Method::kPost, "/v1/jobs/{id}/retry", "retry_job", retry_job},
    Route{Method::kGet, "/v1/queues", "list_queues", list_queues},
    Route{Method::kGet, "/v1/workers", "list_workers", list_workers},
    Route{Method::kGet, "/healthz", "healthz", health},
    Route{Method::kGet, "/readyz", "readyz", readiness},
    Route{Method::kGet, "/metrics", "metrics", metrics},
};

// Whether the pattern matches. If so, `id` is the text in place of {id}.
bool matches(std::string_view pattern, std::string_view path, std::string_view& id) {
    constexpr std::string_view kId = "{id}";
    const auto at = pattern.find(kId);
    if (at == std::string_view::npos) return pattern == path;
    const auto before = pattern.substr(0, at);
    const auto after = pattern.substr(at + kId.size());
    if (path.size() <= before.size() + after.size()) return false;
    if (!path.starts_with(before) || !path.ends_with(after)) return false;
    id = path.substr(before.size(), path.size() - before.size() - after.size());
    return id.find('/') == std::string_view::npos;
}

struct Methods {
    bool get = false;
    bool head = false;
    bool post = false;
    bool put = false;
};

// Returns an empty text if there are no methods.
std::string methods_text(const Methods& methods) {
    std::string text;
    if (methods.get) text += "GET, ";
    if (methods.head) text += "HEAD, ";
    if (methods.post) text += "POST, ";
    if (methods.put) text += "PUT, ";
    return text.empty() ? text : text + "OPTIONS";
}

}  // namespace

std::span<const Route> route_table() {
    return kRoutes;
}

std::variant<RouteMatch, RouteMiss> find_route(Method method, std::string_view path) {
    const auto wanted = method == Method::kHead ? Method::kGet : method;
    for (const auto& route : kRoutes) {
        std::string_view id;
        if (route.method != wanted || (route.is_stream && method == Method::kHead)) continue;
        if (matches(route.pattern, path, id)) return RouteMatch{&route, std::string(id)};
    }
    const auto allow = allowed_methods(path);
    if (allow.empty()) {
        return RouteMiss{
            {ProblemCode::kUnknownUrl, "There is nothing at this path. " + path_advice(path), {}},
            {}};
    }
    return RouteMiss{{ProblemCode::kMethodNotAllowed, fmt::format("This URL takes {}.", allow), {}},
                     allow};
}

std::string allowed_methods(std::string_view path) {
    if (path == "*") return methods_text({true, true, true, true});
    Methods methods;
    for (const auto& route : kRoutes) {
        std::string_view id;
        if (!matches(route.pattern, path, id)) continue;
        methods.get |= route.method == Method::kGet;
        methods.head |= route.method == Method::kGet && !route.is_stream;
        methods.post |= route.method == Method::kPost;
        methods.put |= route.method == Method::kPut;
    }
    return methods_text(methods);
}

}  // namespace millrace::api
