#include "worker/backends/openai/profile.h"

#include <array>

namespace millrace::worker {
namespace {

constexpr std::array kProfiles{
    Profile{.name = "generic", .streams_prompt_lists = false},
    Profile{.name = "vllm",
            .owner = "vllm",
            .id_member = "request_id",
            .queue_metric = "vllm:num_requests_waiting"},
    Profile{.name = "sglang",
            .owner = "sglang",
            .id_member = "rid",
            .queue_metric = "sglang:num_queue_reqs"},
    Profile{.name = "llama.cpp",
            .owner = "llamacpp",
            .streams_tools_with_logprobs = false,
            .tells_slots = true,
            .queue_metric = "llamacpp:requests_deferred"},
    Profile{.name = "ollama", .owner = "library", .takes_prompt_lists = false},
    Profile{.name = "tgi", .takes_prompt_lists = false, .queue_metric = "tgi_queue_size"},
    Profile{.name = "cloud", .owner = "openai", .streams_prompt_lists = false, .has_quota = true},
};

}  // namespace

const Profile& generic_profile() {
    return kProfiles.front();
}

const Profile* find_profile(std::string_view name) {
    for (const auto& profile : kProfiles) {
        if (profile.name == name) return &profile;
    }
    return nullptr;
}

std::string profile_names() {
    std::string names;
    for (const auto& profile : kProfiles) {
        if (!names.empty()) names += ", ";
        names += profile.name;
    }
    return names;
}

const Profile& find_profile_by_owner(std::string_view model, std::string_view owner) {
    // TGI gives the model as its own owner.
    if (!owner.empty() && owner == model) return *find_profile("tgi");
    for (const auto& profile : kProfiles) {
        if (!owner.empty() && profile.owner == owner) return profile;
    }
    return generic_profile();
}

}  // namespace millrace::worker
