// Translates a command's filter options for the API.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/http/http_client.h"
#include "producer/cli/commands.h"

namespace millrace::cli {
namespace {

struct Field {
    const char* name;  // Its name in the API.
    std::string FilterOptions::*value;
};

constexpr Field kFields[] = {{"queue", &FilterOptions::queue},
                             {"priority", &FilterOptions::priority},
                             {"model", &FilterOptions::model},
                             {"error", &FilterOptions::error},
                             {"created_after", &FilterOptions::created_after},
                             {"created_before", &FilterOptions::created_before}};

// The given fields, in one form for both a query and a body.
nlohmann::ordered_json asked_for(const FilterOptions& filter) {
    auto fields = nlohmann::ordered_json::object();
    if (!filter.status.empty()) fields["status"] = filter.status;
    for (const auto& [name, value] : kFields) {
        if (!(filter.*value).empty()) fields[name] = filter.*value;
    }
    for (const auto& pair : filter.metadata) {
        const auto equals = std::min(pair.find('='), pair.size());
        const auto value = pair.substr(std::min(equals + 1, pair.size()));
        fields["metadata"][pair.substr(0, equals)] = value;
    }
    return fields;
}

}  // namespace

std::string filter_query(const FilterOptions& filter) {
    std::vector<std::string> parts;
    const auto add = [&parts](const std::string& name, const std::string& value) {
        parts.push_back(
            fmt::format("{}={}", http::percent_encode(name), http::percent_encode(value)));
    };
    const auto fields = asked_for(filter);
    for (const auto& [name, value] : fields.items()) {
        if (value.is_object()) {
            for (const auto& [key, text] : value.items()) {
                add(fmt::format("{}[{}]", name, key), text.get<std::string>());
            }
        } else if (value.is_array()) {
            add(name, fmt::format("{}", fmt::join(value.get<std::vector<std::string>>(), ",")));
        } else {
            add(name, value.get<std::string>());
        }
    }
    return fmt::format("{}", fmt::join(parts, "&"));
}

std::string filter_body(const FilterOptions& filter) {
    const auto body = asked_for(filter);
    return body.empty() ? std::string() : body.dump();
}

}  // namespace millrace::cli
