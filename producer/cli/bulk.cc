// `millrace retry` and `cancel`: act on jobs by id, or on all that match after a confirmation.

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/base/result.h"
#include "producer/cli/api_client.h"
#include "producer/cli/commands.h"
#include "producer/cli/interrupt.h"
#include "producer/cli/json_text.h"
#include "producer/cli/show.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

// One of the two actions.
struct Deed {
    std::string_view name;  // The NAME in POST /v1/jobs:NAME.
    std::string_view done;  // "retried"
    Result<Answer> (ApiClient::*to_one)(std::string_view id);
    // The line to print for one job's answer, or for one item of a page; empty for an error.
    std::string (*line_of)(const Json& reply);
};

std::string retry_line(const Json& reply) {
    const auto by = text_of(reply, "retried_by");
    return by.empty() || text_of(reply, "object") == "job" ? text_of(reply, "id") : by;
}

std::string status_line(const Json& reply) {
    const auto id = text_of(reply, "id");
    return id.empty() ? id : fmt::format("{} {}", id, text_of(reply, "status"));
}

constexpr Deed kRetry{"retry", "retried", &ApiClient::retry, retry_line};
constexpr Deed kCancel{"cancel", "cancelled", &ApiClient::cancel, status_line};

std::size_t count_of(const Json& answer, const char* key) {
    return static_cast<std::size_t>(std::max<std::int64_t>(number_of(answer, key), 0));
}

// Continues with the other ids after one fails.
int do_to_ids(const GlobalOptions& global, ApiClient& api, const Deed& deed,
              const std::vector<std::string>& ids) {
    int worst = kOk;
    for (const auto& id : ids) {
        const auto answer = (api.*deed.to_one)(id);
        if (!answer.has_value()) {
            worst = std::max(worst, fail({answer.error().code,
                                          fmt::format("{}: {}", id, answer.error().message)}));
            if (answer.error().code == ErrorCode::kUnavailable) return worst;
            continue;
        }
        const auto line = global.json ? one_line(answer->text) : deed.line_of(answer->json);
        if (!print_out(line + "\n")) return kFailure;
    }
    return worst;
}

// Acts on one page, of the size of the filter's limit. If the gateway refuses that many per call,
// its own limit applies.
Result<Answer> next_page(ApiClient& api, const Deed& deed, Json& filter) {
    auto page = api.matching(deed.name, filter);
    if (page.has_value() || page.error().code != ErrorCode::kInvalidArgument) return page;
    filter.erase("limit");
    return api.matching(deed.name, filter);
}

// Whether to ask again, from where the answer ended. `matched` jobs were in it.
bool go_on(Json& filter, const Json& answer, std::size_t matched) {
    const auto next = text_of(answer, "next");
    if (!next.empty()) filter["after"] = next;
    return flag_of(answer, "has_more") && (matched > 0 || !next.empty());
}

// A count of the matches, which may take several calls.
struct Preview {
    std::size_t count = 0;
    bool is_capped = false;  // There are more.
};

Result<Preview> count_matching(ApiClient& api, const Deed& deed, Json filter) {
    filter["dry_run"] = true;
    Preview preview;
    bool has_more = true;
    while (has_more) {
        TRY(const auto answer, api.matching(deed.name, filter));
        preview.count += count_of(answer.json, "count");
        preview.is_capped =
            flag_of(answer.json, "has_more") && text_of(answer.json, "next").empty();
        has_more = !preview.is_capped && go_on(filter, answer.json, 0);
    }
    return preview;
}

// Acts page by page, on no more jobs than were counted: new jobs may match too.
int do_to_matching(const GlobalOptions& global, ApiClient& api, const Deed& deed, Json filter,
                   std::size_t count) {
    bool all_done = true;
    bool has_more = true;
    std::size_t done = 0;
    std::size_t most = count;  // Jobs per call.
    while (has_more && done < count) {
        filter["limit"] = std::min(most, count - done);
        const auto page = next_page(api, deed, filter);
        if (!page.has_value()) {
            note(fmt::format("{} of {} were {}", done, count, deed.done));
            return fail(page.error());
        }
        const auto items = json_elements(json_member(page->text, "data"));
        std::size_t fine = 0;
        for (const auto text : items) {
            const auto item = parse_json(text);
            const bool is_error = text_of(item, "object") == "error";
            fine += is_error ? 0 : 1;
            if (global.json) {
                if (!print_out(one_line(text) + "\n")) return kFailure;
            } else if (is_error) {
                note(fmt::format("{}: {}", text_of(item, "job_id"),
                                 text_of(member_of(item, "error"), "message")));
            } else if (!print_out(deed.line_of(item) + "\n")) {
                return kFailure;
            }
        }
        all_done = all_done && fine == items.size();
        done += fine;
        if (!filter.contains("limit") && !items.empty()) most = items.size();
        has_more = go_on(filter, page->json, fine);
    }
    return all_done ? kOk : kFailure;
}

// Cancels call by call, and no more jobs than were counted: new jobs may match too.
int cancel_matching(const GlobalOptions& global, ApiClient& api, Json filter, std::size_t count) {
    std::size_t cancelled = 0;
    std::size_t cancelling = 0;
    bool has_more = true;
    std::size_t most = count;  // Jobs per call.
    std::optional<Error> failure;
    while (has_more && cancelled + cancelling < count) {
        filter["limit"] = std::min(most, count - cancelled - cancelling);
        const auto page = next_page(api, kCancel, filter);
        if (!page.has_value()) {
            failure = page.error();
            break;
        }
        const auto matched = count_of(page->json, "matched");
        cancelled += count_of(page->json, "cancelled");
        cancelling += count_of(page->json, "cancelling");
        if (!filter.contains("limit") && matched > 0) most = matched;
        has_more = go_on(filter, page->json, matched);
    }
    const auto text =
        global.json ? Json{{"cancelled", cancelled}, {"cancelling", cancelling}}.dump()
                    : fmt::format("{} cancelled, {} cancelling (their workers are stopping them)",
                                  cancelled, cancelling);
    if (!print_out(text + "\n")) return kFailure;
    return failure ? fail(*failure) : int{kOk};
}

int count_and_do(const GlobalOptions& global, ApiClient& api, const Deed& deed,
                 const BulkOptions& options) {
    const auto body = filter_body(options.filter);
    Json filter = body.empty() ? Json::object() : parse_json(body);
    if (options.all) filter["all"] = true;
    const auto preview = count_matching(api, deed, filter);
    if (!preview.has_value()) return fail(preview.error());
    const auto& [count, is_capped] = *preview;
    const auto text =
        fmt::format("{}{} job{}", is_capped ? "more than " : "", count, count == 1 ? "" : "s");
    if (options.dry_run) {
        const auto line = fmt::format("{} would be {}", text, deed.done);
        const Json json{{"object", fmt::format("{}_preview", deed.name)},
                        {"count", count},
                        {"has_more", is_capped}};
        return print_out((global.json ? json.dump() : line) + "\n") ? kOk : kFailure;
    }
    if (count == 0) {
        note("no job matches");
        return kOk;
    }
    if (!options.yes) {
        if (!can_ask()) {
            return fail(
                invalid(fmt::format("{} would be {}; add --yes to do it", text, deed.done)));
        }
        if (!ask(fmt::format("{}: {}?", deed.name, text))) return kFailure;
    }
    const int code = deed.name == kCancel.name
                         ? cancel_matching(global, api, std::move(filter), count)
                         : do_to_matching(global, api, deed, std::move(filter), count);
    if (is_capped && code == kOk) {
        note(fmt::format("at most {} are counted; repeat the command for the rest", count));
    }
    return code;
}

int run(const GlobalOptions& global, const Deed& deed, const BulkOptions& options) {
    const bool filters = options.all || !filter_body(options.filter).empty();
    if (filters == !options.ids.empty()) {
        return fail(invalid(
            "give ids of jobs, or a filter such as --status, --queue or --model, but not both"));
    }
    if (!options.ids.empty() && (options.dry_run || options.yes)) {
        return fail(invalid("--dry-run and --yes need a filter; they cannot be used with ids"));
    }
    if (options.all && !filter_body(options.filter).empty()) {
        return fail(invalid("--all means every job: leave out either the filter or --all"));
    }
    ApiClient api(global.url);
    return options.ids.empty() ? count_and_do(global, api, deed, options)
                               : do_to_ids(global, api, deed, options.ids);
}

}  // namespace

int run_retry(const GlobalOptions& global, const BulkOptions& options) {
    return run(global, kRetry, options);
}

int run_cancel(const GlobalOptions& global, const BulkOptions& options) {
    return run(global, kCancel, options);
}

}  // namespace millrace::cli
