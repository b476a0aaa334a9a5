// `millrace retry`: submits again what failed, expired or was cancelled.

#include <fmt/format.h>

#include <algorithm>

#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

Error usage(const std::string& message) {
    return {ErrorCode::kInvalidArgument, message};
}

Json filter_of(const RetryOptions& options) {
    Json filter = Json::object();
    const auto add = [&filter](const char* name, const std::string& value) {
        if (!value.empty()) filter[name] = value;
    };
    if (!options.status.empty()) filter["status"] = options.status;
    add("queue", options.queue);
    add("priority", options.priority);
    add("model", options.model);
    add("error", options.error);
    add("created_after", options.created_after);
    add("created_before", options.created_before);
    for (const auto& pair : options.metadata) {
        const auto equals = std::min(pair.find('='), pair.size());
        filter["metadata"][pair.substr(0, equals)] = pair.substr(std::min(equals + 1, pair.size()));
    }
    return filter;
}

int retry_ids(const GlobalOptions& global, ApiClient& api, const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
        const auto job = api.retry(id);
        if (!job.has_value()) return fail(job.error());
        fmt::print("{}\n", global.json ? job->dump() : job->value("id", std::string()));
    }
    return kOk;
}

// Prints what became of one job; whether it has a retry.
bool print_item(const GlobalOptions& global, const Json& item) {
    const bool is_retried = item.contains("retried_by");
    if (global.json) {
        fmt::print("{}\n", item.dump());
    } else if (is_retried) {
        fmt::print("{}\n", item.value("retried_by", std::string()));
    } else {
        const auto error = item.value("error", Json::object());
        fmt::print(stderr, "millrace: {}: {}\n", item.value("job_id", std::string()),
                   printable(error.value("message", std::string())));
    }
    return is_retried;
}

// Page by page, oldest first. No more than were counted: retries that fail at once match, too.
int retry_all(const GlobalOptions& global, ApiClient& api, Json filter, std::size_t count) {
    bool all_retried = true;
    std::size_t done = 0;
    while (done < count) {
        const auto page = api.retry_matching(filter);
        if (!page.has_value()) return fail(page.error());
        const auto items = page->value("data", Json::array());
        const auto retried = std::ranges::count_if(
            items, [&global](const Json& item) { return print_item(global, item); });
        all_retried = all_retried && static_cast<std::size_t>(retried) == items.size();
        done += static_cast<std::size_t>(retried);
        if (retried == 0 || !page->value("has_more", false)) break;
        filter["limit"] = std::min(items.size(), std::max<std::size_t>(count - done, 1));
    }
    return all_retried ? kOk : kFailure;
}

int retry_matching(const GlobalOptions& global, ApiClient& api, const RetryOptions& options) {
    auto filter = filter_of(options);
    auto dry_run = filter;
    dry_run["dry_run"] = true;
    const auto preview = api.retry_matching(dry_run);
    if (!preview.has_value()) return fail(preview.error());
    const auto count = preview->value("count", std::size_t{0});
    const auto text =
        fmt::format("{}{} job{}", preview->value("has_more", false) ? "more than " : "", count,
                    count == 1 ? "" : "s");
    if (options.dry_run) {
        fmt::print("{}\n", global.json ? preview->dump() : text + " would be retried");
        return kOk;
    }
    if (count == 0) {
        fmt::print(stderr, "no job matches\n");
        return kOk;
    }
    if (!options.yes) {
        if (!can_ask()) return fail(usage(text + " would be retried; say --yes to do it"));
        if (!ask(fmt::format("Retry {}?", text))) return kFailure;
    }
    return retry_all(global, api, std::move(filter), count);
}

}  // namespace

std::string retry_filter(const RetryOptions& options) {
    const auto filter = filter_of(options);
    return filter.empty() ? std::string() : filter.dump();
}

int run_retry(const GlobalOptions& global, const RetryOptions& options) {
    const bool filters = !retry_filter(options).empty();
    if (filters == !options.ids.empty()) {
        return fail(
            usage("name the jobs, or say which by --status, --queue, --model, …: one of both"));
    }
    if (!options.ids.empty() && options.dry_run) {
        return fail(usage("--dry-run counts what matches; ids are what they are"));
    }
    ApiClient api(global.url);
    if (!options.ids.empty()) return retry_ids(global, api, options.ids);
    return retry_matching(global, api, options);
}

}  // namespace millrace::cli
