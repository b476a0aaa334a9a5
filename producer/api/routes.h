// The table of routes, and what a request's first line leads to.
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

// What handlers work with. Outlives every exchange.
struct ApiContext {
    const ApiOptions& options;
    gateway::JobService& service;
    const std::atomic<bool>& draining;
};

using Handler = void (*)(const ApiContext& context, const ExchangePtr& exchange);

struct Route {
    Method method;
    std::string_view pattern;  // "{id}" stands for one segment.
    std::string_view name;     // Label of metrics.
    Handler handler;
    bool takes_body = false;
    bool is_stream = false;  // Takes no HEAD.
};

std::span<const Route> route_table();

struct RouteMatch {
    const Route* route;
    std::string id;
};

// Nothing at the path, or not by this method.
struct RouteMiss {
    Problem problem;
    std::string allow;  // Methods that the path takes; empty where there is nothing.
};

// `path` is decoded. HEAD leads to GET's route.
std::variant<RouteMatch, RouteMiss> find_route(Method method, std::string_view path);

// The methods of the path for an answer to OPTIONS; "*" is the whole server.
std::string allowed_methods(std::string_view path);

}  // namespace millrace::api
