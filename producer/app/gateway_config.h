// Translates the settings into the options of the gateway's parts. Nothing else knows both.
#pragma once

#include "common/config/config.h"
#include "producer/api/codec/api_options.h"
#include "producer/app/gateway.h"
#include "producer/server/server_options.h"

namespace millrace::gateway {

server::ServerOptions server_options(const config::Config& config);
api::codec::ApiOptions api_options(const config::Config& config);
GatewayOptions gateway_options(const config::Config& config);

}  // namespace millrace::gateway
