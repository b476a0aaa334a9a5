// Which jobs a command means.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/http/http_client.h"
#include "producer/cli/commands.h"

namespace millrace::cli {
namespace {

std::pair<std::string, std::string> split(const std::string& pair) {
    const auto equals = std::min(pair.find('='), pair.size());
    return {pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size()))};
}

}  // namespace

std::string filter_query(const FilterOptions& filter) {
    std::string query;
    const auto add = [&](std::string_view key, const std::string& value) {
        if (value.empty()) return;
        if (!query.empty()) query += '&';
        query += fmt::format("{}={}", key, http::percent_encode(value));
    };
    add("status", fmt::format("{}", fmt::join(filter.status, ",")));
    add("queue", filter.queue);
    add("priority", filter.priority);
    add("model", filter.model);
    add("error", filter.error);
    add("created_after", filter.created_after);
    add("created_before", filter.created_before);
    for (const auto& pair : filter.metadata) {
        const auto [key, value] = split(pair);
        if (!query.empty()) query += '&';
        query += fmt::format("metadata%5B{}%5D={}", http::percent_encode(key),
                             http::percent_encode(value));
    }
    return query;
}

std::string filter_body(const FilterOptions& filter) {
    nlohmann::json body = nlohmann::json::object();
    const auto add = [&body](const char* name, const std::string& value) {
        if (!value.empty()) body[name] = value;
    };
    if (!filter.status.empty()) body["status"] = filter.status;
    add("queue", filter.queue);
    add("priority", filter.priority);
    add("model", filter.model);
    add("error", filter.error);
    add("created_after", filter.created_after);
    add("created_before", filter.created_before);
    for (const auto& pair : filter.metadata) {
        const auto [key, value] = split(pair);
        body["metadata"][key] = value;
    }
    return body.empty() ? std::string() : body.dump();
}

}  // namespace millrace::cli
