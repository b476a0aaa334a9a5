// How the servers with OpenAI's API differ from it and from each other. The profile of a server
// follows from its answer to GET /models, or from the settings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::backends::openai {

struct Profile {
    std::string_view name;  // As in the settings.
    // "owned_by" of its models in GET /models; empty: cannot be recognised.
    std::string_view owner;
    // The member of a request whose value appears as the id in the server's logs; empty: none.
    std::string_view id_member;
    // "prompt" may be a list of texts.
    bool takes_prompt_lists = true;
    // Streams the choices of several prompts under an index each. Some proxies give all of them the
    // first one's index; unstreamed they are right.
    bool streams_prompt_lists = true;
    // Can stream an answer that has both tools and log probabilities.
    bool streams_tools_with_logprobs = true;
    // GET /props at the root has "total_slots", the number of concurrent requests. Further requests
    // wait in the server, without bound or order.
    bool tells_slots = false;
    // The metric in GET /metrics at the root that counts waiting requests; empty: none.
    std::string_view queue_metric;
    // 429 may also mean that the account's money is spent, which lasts longer than any back-off.
    bool has_quota = false;
};

// Standard behaviour, for servers that were not recognised.
const Profile& generic_profile();

// Null for an unknown name. "auto" is not a profile: it stands for find_profile_by_models().
const Profile* find_profile(std::string_view name);
// All names, for messages: "generic, vllm, …".
std::string profile_names();

struct ServedModel {
    std::string id;
    std::string owner;  // May be empty.

    bool operator==(const ServedModel&) const = default;
};

// Returns the profile of the owners of the models in the answer to GET /models; their order does
// not matter. Owners without a profile are ignored. If the others disagree, or none are left, it
// returns the generic profile.
const Profile& find_profile_by_models(const std::vector<ServedModel>& models);

}  // namespace millrace::backends::openai
