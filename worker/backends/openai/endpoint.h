// One server that jobs can be sent to, as the settings and the server itself describe it. Pure.
//
// A setting is a base URL, with options behind it where they are needed:
//
//   http://gpu-1:8000/v1;slots=64;order=1;tokens=200000;name=gpu-1;profile=vllm;models=chat=Q|embed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/backends/endpoints/endpoint_pool.h"
#include "worker/backends/http/server_settings.h"
#include "worker/backends/openai/profile.h"

namespace millrace::worker {

struct Endpoint {
    std::string name;      // For people and metrics: "gpu-1:8000" unless given.
    std::string base_url;  // As normal_base_url() makes it.
    EndpointCapacity capacity;
    bool has_slots = false;            // They were given.
    const Profile* profile = nullptr;  // Null: to be found out.
    ModelNames models;                 // Empty: to be found out.
};

// Where a server has what is not part of OpenAI's API: the base URL without its "/v1".
std::string root_url(const Endpoint& endpoint);

// What holds for the endpoints that do not say otherwise.
struct EndpointDefaults {
    std::size_t slots = 8;
    std::string profile = "auto";
    std::vector<std::string> models;  // "name" or "name=server-name"
};

// kInvalidArgument says which option is wrong, and what it may be.
Result<Endpoint> parse_endpoint(const std::string& text, const EndpointDefaults& defaults);
// All of them; two may not have the same name.
Result<std::vector<Endpoint>> parse_endpoints(const std::vector<std::string>& texts,
                                              const EndpointDefaults& defaults);

// "http://host:8000" and "http://host:8000/v1/" both become "http://host:8000/v1". kInvalidArgument
// for what plain_base_url() refuses, and for the URL of one route, such as /chat/completions.
Result<std::string> normal_base_url(const std::string& text);

// The models in the answer to GET /v1/models.
Result<std::vector<ServedModel>> parse_model_list(std::string_view body);
// "total_slots" in the answer to GET /props.
std::optional<std::size_t> parse_slots(std::string_view body);

// The calls that all endpoints take at a time: those of the order that takes most, because the
// others stand in for it.
std::size_t slots_of(const std::vector<Endpoint>& endpoints);

}  // namespace millrace::worker
