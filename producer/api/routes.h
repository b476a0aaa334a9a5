// The table of routes, and the lookup by a request's method and path.
//
// Threads: pure; handlers run on their connection's thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "producer/api/context.h"
#include "producer/server/application.h"

namespace millrace::api {

using Handler = void (*)(const ApiContext& context, const ExchangePtr& exchange);

struct Route : server::Route {
    server::Method method;
    std::string_view pattern;  // "{id}" stands for one segment.
    Handler handler;
};

std::span<const Route> route_table();

// Both as server::Application has them.
std::variant<server::RouteMatch, server::RouteMiss> find_route(server::Method method,
                                                               std::string_view path);
std::string allowed_methods(std::string_view path);

}  // namespace millrace::api
