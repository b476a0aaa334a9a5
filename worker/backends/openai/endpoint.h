// One server that jobs can be sent to, as the settings and the server itself describe it. Pure.
//
// A setting is a base URL, followed by options where needed:
//
//   http://gpu-1:8000/v1;slots=64;order=1;tokens=200000;name=gpu-1;profile=vllm;models=chat=Q|embed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/openai/profile.h"
#include "worker/backends/serving/pool/endpoint_pool.h"
#include "worker/backends/serving/server_settings.h"

namespace millrace::backends::openai {

using serving::pool::CallEnd;
using serving::pool::CallPlan;
using serving::pool::CallResult;
using serving::pool::EndpointCapacity;
using serving::pool::EndpointIndex;
using serving::pool::EndpointPool;

struct Endpoint {
    std::string name;      // For logs and metrics: "gpu-1:8000" unless given.
    std::string base_url;  // As normal_base_url() returns it.
    EndpointCapacity capacity;
    bool has_slots = false;            // The settings give its slots.
    const Profile* profile = nullptr;  // Null: not known yet; the survey finds it.
    serving::ModelNames models;        // Empty: not known yet; the survey finds them.
};

// The root of a server's routes outside OpenAI's API: the base URL without its "/v1".
std::string root_url(const Endpoint& endpoint);

// The values for endpoints that do not set their own.
struct EndpointDefaults {
    std::size_t slots = 8;
    std::string profile = "auto";
    std::vector<std::string> models;  // "name" or "name=server-name"
};

// kInvalidArgument names the invalid option and the accepted values.
Result<Endpoint> parse_endpoint(const std::string& text, const EndpointDefaults& defaults);
// Parses all of them; no two may have the same name.
Result<std::vector<Endpoint>> parse_endpoints(const std::vector<std::string>& texts,
                                              const EndpointDefaults& defaults);

// "http://host:8000" and "http://host:8000/v1/" both become "http://host:8000/v1". kInvalidArgument
// for what plain_base_url() refuses, and for the URL of one route, such as /chat/completions.
Result<std::string> normal_base_url(const std::string& text);

// The models in the answer to GET /v1/models.
Result<std::vector<ServedModel>> parse_model_list(std::string_view body);
// "total_slots" in the answer to GET /props.
std::optional<std::size_t> parse_slots(std::string_view body);

// The number of calls that all endpoints take at once: the largest sum of slots of any one order,
// because endpoints of the other orders stand in for those.
std::size_t slots_of(const std::vector<Endpoint>& endpoints);

std::vector<EndpointCapacity> capacities_of(const std::vector<Endpoint>& endpoints);

}  // namespace millrace::backends::openai
