#include "producer/api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "producer/api/handlers.h"
#include "producer/api/path_advice.h"

namespace millrace::api {

using server::Method;
using server::ProblemCode;
using server::RouteMatch;
using server::RouteMiss;

namespace {

constexpr bool kTakesBody = true;
constexpr bool kIsStream = true;

constexpr std::array kRoutes{
    Route{{"submit_job", kTakesBody}, Method::kPost, "/v1/jobs", submit_job},
    Route{{"submit_batch", kTakesBody}, Method::kPost, "/v1/jobs:batch", submit_batch},
    Route{{"retry_jobs", kTakesBody}, Method::kPost, "/v1/jobs:retry", retry_jobs},
    Route{{"cancel_jobs", kTakesBody}, Method::kPost, "/v1/jobs:cancel", cancel_jobs},
    Route{{"list_jobs"}, Method::kGet, "/v1/jobs", list_jobs},
    Route{{"put_job", kTakesBody}, Method::kPut, "/v1/jobs/{id}", put_job},
    Route{{"get_job"}, Method::kGet, "/v1/jobs/{id}", get_job},
    Route{{"get_result"}, Method::kGet, "/v1/jobs/{id}/result", get_result},
    Route{{"stream_events", !kTakesBody, kIsStream},
          Method::kGet,
          "/v1/jobs/{id}/events",
          stream_events},
    Route{{"cancel_job"}, Method::kPost, "/v1/jobs/{id}/cancel", cancel_job},
    Route{{"retry_job"}, Method::kPost, "/v1/jobs/{id}/retry", retry_job},
    Route{{"list_queues"}, Method::kGet, "/v1/queues", list_queues},
    Route{{"list_workers"}, Method::kGet, "/v1/workers", list_workers},
    Route{{"healthz"}, Method::kGet, "/healthz", health},
    Route{{"readyz"}, Method::kGet, "/readyz", readiness},
    Route{{"metrics"}, Method::kGet, "/metrics", metrics},
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
    return RouteMiss{
        {ProblemCode::kMethodNotAllowed, fmt::format("This URL accepts only {}.", allow), {}},
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
