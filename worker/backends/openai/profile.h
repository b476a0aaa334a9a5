// In what the servers that speak OpenAI's API differ from it, and from each other. A server's
// profile is told by what GET /models says of its models, or by the settings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::worker {

struct Profile {
    std::string_view name;  // As in the settings.
    // "owned_by" of its models in GET /models; empty: cannot be told.
    std::string_view owner;
    // Member of a request that takes an id of ours into the server's logs; empty: none.
    std::string_view id_member;
    // "prompt" may be a list of texts.
    bool takes_prompt_lists = true;
    // Streams the choices of several prompts under an index each. Proxies are known to give all the
    // first one's; unstreamed they are right.
    bool streams_prompt_lists = true;
    // Streams an answer to tools that has log probabilities.
    bool streams_tools_with_logprobs = true;
    // GET /props at the root has "total_slots", what it runs at once. What is more waits there,
    // without bound or order.
    bool tells_slots = false;
    // In GET /metrics at the root, the requests that wait there for a place; empty: none.
    std::string_view queue_metric;
    // 429 also says that the account's money is spent, which lasts longer than any back-off.
    bool has_quota = false;
};

// Standard behaviour; for servers that were not recognised.
const Profile& generic_profile();

// Null for a name that is none. "auto" is none: it stands for find_profile_by_models().
const Profile* find_profile(std::string_view name);
// All names, for messages: "generic, vllm, …".
std::string profile_names();

struct ServedModel {
    std::string id;
    std::string owner;  // May be empty.

    bool operator==(const ServedModel&) const = default;
};

// By the owners of the models in the answer to GET /models, in whatever order they are: of those
// that tell of a profile, all tell of the same, or nothing is told.
const Profile& find_profile_by_models(const std::vector<ServedModel>& models);

}  // namespace millrace::worker
