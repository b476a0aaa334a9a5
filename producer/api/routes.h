// The table of routes, and the lookup by a request's method and path.
//
// Threads: pure; handlers run on their connection's thread.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "producer/api/api_options.h"
#include "producer/api/exchange.h"
#include "producer/intake/job_service.h"

namespace millrace::api {

// What handlers work with. It outlives every exchange.
struct ApiContext {
    const ApiOptions& options;
    gateway::JobService& service;
    const std::atomic<bool>& draining;
};

using Handler = void (*)(const ApiContext& context, const ExchangePtr& exchange);

struct Route {
    Method method;
    std::string_view pattern;  // "{id}" stands for one segment.
    std::string_view name;     // Label in metrics.
    Handler handler;
    bool takes_body = false;
    bool is_stream = false;  // Does not accept HEAD.
};

std::span<const Route> route_table();

struct RouteMatch {
    const Route* route;
    std::string id;
};

// The path does not exist, or does not accept the method.
struct RouteMiss {
    Problem problem;
    std::string allow;  // The methods of the path; empty if it does not exist.
};

// `path` is decoded. HEAD finds the route of GET.
std::variant<RouteMatch, RouteMiss> find_route(Method method, std::string_view path);

// The methods of the path, for an answer to OPTIONS; "*" means the whole server.
std::string allowed_methods(std::string_view path);

}  // namespace millrace::api
