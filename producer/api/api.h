// The HTTP API as an application of the server: its routes and what their handlers work with.
//
// Owns: the services are borrowed and must outlive every exchange.
#pragma once

#include <utility>

#include "producer/api/context.h"
#include "producer/server/application.h"

namespace millrace::api {

class Api final : public server::Application {
 public:
    Api(codec::ApiOptions options, const service::Services& services)
        : context_{std::move(options), services} {}

    std::variant<server::RouteMatch, server::RouteMiss> find(server::Method method,
                                                             std::string_view path) const override;
    std::string allowed_methods(std::string_view path) const override;
    void serve(const server::Route& route, const ExchangePtr& exchange) override;

 private:
    const ApiContext context_;
};

}  // namespace millrace::api
