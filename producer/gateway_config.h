// Translates the settings into the options of the gateway's parts. Nothing else knows both.
#pragma once

#include "common/config/config.h"
#include "producer/api/api_options.h"
#include "producer/gateway_service.h"

namespace millrace::gateway {

api::ApiOptions api_options(const config::Config& config);
GatewayOptions gateway_options(const config::Config& config);

}  // namespace millrace::gateway
