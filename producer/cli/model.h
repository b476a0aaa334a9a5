// Which model a job runs on that does not name one.
//
// Blocks: one call of the API.
#pragma once

#include <string>

#include "common/base/result.h"
#include "producer/cli/api_client.h"

namespace millrace::cli {

// The only model that live workers serve (where none lives: that those before served), of the queue
// where one is named. The synthetic model counts only where there is no other. kInvalidArgument
// with the models' names where there are several, or none.
Result<std::string> only_model(ApiClient& api, const std::string& queue);
// The same, of what GET /v1/workers answered.
Result<std::string> only_model(const Json& workers, const std::string& queue);

}  // namespace millrace::cli
