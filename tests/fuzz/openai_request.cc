// A job's input as a request to a model: the typed form, and the text that is passed on.
#include "common/json/json_syntax.h"
#include "tests/fuzz/fuzz.h"
#include "worker/backends/openai/endpoint_request.h"
#include "worker/backends/request.h"

#include <nlohmann/json.hpp>

namespace millrace::fuzz {

namespace openai = backends::openai;

void read(std::string_view input) {
    // Only what the gateway has found fit comes here.
    if (json_text::check_json(input, 64)) return;
    if (const auto tree = backends::parse_input(input); tree.has_value()) {
        const auto members = backends::input_members(input);
        expect(members.has_value());
        const auto kind = backends::request_kind(*tree);
        const auto same = backends::request_kind(*members);
        expect(kind.has_value() == same.has_value());
        if (kind.has_value()) expect(*kind == *same);
        static_cast<void>(backends::parse_request(*tree));
    }
    const auto prefix = openai::request_prefix(input);
    const auto outline = openai::outline_request(input);
    if (!outline.has_value()) return;
    expect(outline->prefix == prefix);
    static const std::string kModel = "m";
    for (const auto* name : {"generic", "vllm", "llama.cpp", "cloud"}) {
        const auto* profile = openai::find_profile(name);
        expect(profile != nullptr);
        const auto request = openai::make_endpoint_request(
            input, *outline, {.model = kModel, .profile = *profile, .id = "id"});
        if (request.has_value()) expect(!json_text::check_json(request->body, 64));
    }
}

}  // namespace millrace::fuzz
