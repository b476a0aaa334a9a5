// Chooses the model of a job that does not name one.
//
// Blocks: one call of the API.
#pragma once

#include <string>

#include "common/base/result.h"
#include "producer/cli/api_client.h"

namespace millrace::cli {

// The only model that live workers serve or, if none is live, that earlier ones served; limited to
// `queue` unless that is empty. The synthetic model counts only if there is no other. If there are
// several models or none, the error is kInvalidArgument with their names.
Result<std::string> only_model(ApiClient& api, const std::string& queue);
// The same, from an answer of GET /v1/workers.
Result<std::string> only_model(const Json& workers, const std::string& queue);

}  // namespace millrace::cli
