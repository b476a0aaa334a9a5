// What an HTTP server serves: the application knows which paths exist, and answers.
//
// Threads: serve() on the connection's thread, and must not block; the rest from any.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "producer/server/exchange.h"

namespace millrace::server {

// What the server needs to know about a route. Routes live as long as the application.
struct Route {
    std::string_view name;  // Label in metrics.
    bool takes_body = false;
    bool is_stream = false;  // Does not accept HEAD.
};

struct RouteMatch {
    const Route* route;
    std::string id;  // The part of the path that the route leaves open.
};

// The path does not exist, or does not accept the method.
struct RouteMiss {
    Problem problem;
    std::string allow;  // The methods of the path; empty if it does not exist.
};

class Application {
 public:
    virtual ~Application() = default;

    // `path` is decoded. HEAD finds the route of GET.
    virtual std::variant<RouteMatch, RouteMiss> find(Method method,
                                                     std::string_view path) const = 0;
    // The methods of the path, for an answer to OPTIONS; "*" means the whole server. Empty if there
    // is no such path.
    virtual std::string allowed_methods(std::string_view path) const = 0;
    // Starts to answer. The route is one that find() returned.
    virtual void serve(const Route& route, const ExchangePtr& exchange) = 0;
};

}  // namespace millrace::server
