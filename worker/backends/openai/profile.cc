#include "worker/backends/openai/profile.h"

#include <algorithm>
#include <array>

namespace millrace::backends::openai {
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

// Null if the owner has no profile.
const Profile* told_by(const ServedModel& model) {
    if (model.owner.empty()) return nullptr;
    // TGI gives the model as its own owner.
    if (model.owner == model.id) return find_profile("tgi");
    const auto* found = std::ranges::find(kProfiles, model.owner, &Profile::owner);
    return found == kProfiles.end() ? nullptr : found;
}

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

const Profile& find_profile_by_models(const std::vector<ServedModel>& models) {
    const Profile* told = nullptr;
    for (const auto& model : models) {
        const auto* profile = told_by(model);
        if (profile == nullptr) continue;
        // A gateway in front of several kinds of server.
        if (told != nullptr && told != profile) return generic_profile();
        told = profile;
    }
    return told == nullptr ? generic_profile() : *told;
}

}  // namespace millrace::backends::openai
