// What handlers work with.
#pragma once

#include "producer/api/codec/api_options.h"
#include "producer/service/services.h"

namespace millrace::api {

// It outlives every exchange.
struct ApiContext {
    const codec::ApiOptions options;
    const service::Services services;
};

}  // namespace millrace::api
