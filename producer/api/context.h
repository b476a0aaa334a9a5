// What handlers work with.
#pragma once

#include "producer/api/codec/api_options.h"
#include "producer/service/services.h"

namespace millrace::api {

// It outlives every exchange.
struct ApiContext {
    const ApiOptions options;
    const gateway::Services services;
};

}  // namespace millrace::api
