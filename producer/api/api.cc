#include "producer/api/api.h"

#include "producer/api/routes.h"

namespace millrace::api {

using server::Method;
using server::RouteMatch;
using server::RouteMiss;

std::variant<RouteMatch, RouteMiss> Api::find(Method method, std::string_view path) const {
    return find_route(method, path);
}

std::string Api::allowed_methods(std::string_view path) const {
    return api::allowed_methods(path);
}

void Api::serve(const server::Route& route, const ExchangePtr& exchange) {
    static_cast<const Route&>(route).handler(context_, exchange);
}

}  // namespace millrace::api
