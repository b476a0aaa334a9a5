// `millrace list`: jobs, newest first, page by page.

#include <fmt/format.h>

#include <algorithm>

#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/json_text.h"
#include "producer/cli/show.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

constexpr int kPage = 100;           // The default of gateway.page_size_max.
constexpr int kLimitOfOnePage = 20;  // Without --limit or --all.

std::vector<std::string> row_of(const Json& job) {
    const auto& timing = member_of(job, "timing");
    const auto span = [&timing](const char* key) {
        return member_of(timing, key).is_number() ? duration_text(number_of(timing, key))
                                                  : std::string("-");
    };
    const auto error = text_of(member_of(job, "error"), "code");
    const auto last = text_of(member_of(job, "last_error"), "code");
    return {text_of(job, "id"),
            text_of(job, "status"),
            text_of(job, "priority"),
            printable(text_of(job, "model")),
            text_of(job, "queue"),
            time_text(number_of(job, "created_at")),
            span("queue_ms"),
            number_of(job, "started_at") > 0 ? span("execution_ms") : "-",
            error.empty() ? last : error};
}

// Gets a page of at most `limit` jobs. If the gateway refuses that size, its own applies.
Result<Answer> page_of(ApiClient& api, const std::string& filter, int limit,
                       const std::string& after) {
    auto query = filter;
    const auto add = [&query](std::string_view name, std::string_view value) {
        query += fmt::format("{}{}={}", query.empty() ? "" : "&", name, value);
    };
    if (!after.empty()) add("after", after);
    const auto unlimited = query;
    add("limit", std::to_string(limit));
    auto page = api.list(query);
    if (page.has_value() || page.error().code != ErrorCode::kInvalidArgument) return page;
    auto shorter = api.list(unlimited);
    return shorter.has_value() ? shorter : page;
}

}  // namespace

int run_list(const GlobalOptions& global, const ListOptions& options) {
    if (options.all && options.limit) {
        return fail({ErrorCode::kInvalidArgument, "give --all or --limit, not both"});
    }
    ApiClient api(global.url);
    Table table({{"ID", 0},
                 {"STATUS", 0},
                 {"PRIORITY", 6},
                 {"MODEL", 2, 12},
                 {"QUEUE", 7, 8},
                 {"CREATED", 4},
                 {"WAITED", 5},
                 {"RAN", 3},
                 {"ERROR", 1, 10}});
    const auto filter = filter_query(options.filter);
    int left = options.limit.value_or(kLimitOfOnePage);
    std::string after;
    bool has_more = true;
    while (has_more && (options.all || left > 0)) {
        const auto page = page_of(api, filter, options.all ? kPage : std::min(left, kPage), after);
        if (!page.has_value()) return fail(page.error());
        after = text_of(page->json, "next");
        has_more = flag_of(page->json, "has_more") && !after.empty();
        auto jobs = json_elements(json_member(page->text, "data"));
        if (!options.all && jobs.size() > static_cast<std::size_t>(left)) {
            jobs.resize(static_cast<std::size_t>(left));
            has_more = true;
        }
        left -= static_cast<int>(std::min(jobs.size(), static_cast<std::size_t>(left)));
        std::string text;
        for (const auto job : jobs) {
            if (global.json) {
                text += one_line(job) + "\n";
            } else {
                table.add(row_of(parse_json(job)));
            }
        }
        if (!(global.json ? print_out(text) : table.print())) return kFailure;
    }
    if (has_more) note("more match (--all, --limit N)");
    return kOk;
}

}  // namespace millrace::cli
