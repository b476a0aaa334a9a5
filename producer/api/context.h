// What handlers work with.
#pragma once

#include "producer/api/codec/api_options.h"
#include "producer/server/exchange.h"
#include "producer/server/problems.h"
#include "producer/service/services.h"

namespace millrace::api {

// The words of the server that every handler speaks.
using server::Exchange;
using server::ExchangePtr;
using server::Problem;
using server::Request;
using server::Response;

// It outlives every exchange.
struct ApiContext {
    const codec::ApiOptions options;
    const service::Services services;
};

}  // namespace millrace::api
