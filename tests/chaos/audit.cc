#include "tests/chaos/audit.h"

#include <fmt/format.h>

namespace millrace::chaos {
namespace {

using test::Json;

constexpr int kPage = 1000;

int number_of(const Json& metadata) {
    const auto number = metadata.value("job", "");
    return number.empty() ? -1 : std::stoi(number);
}

// Reads the history of attempts only if there were interruptions, which include losses.
Listed listed_of(test::Stack& stack, const Json& job) {
    Listed listed{
        .job = number_of(job.at("metadata")), .id = job.value("id", ""), .view = view_of(job)};
    if (listed.view.interruptions == 0) return listed;
    const auto whole = stack.call("GET", "/v1/jobs/" + listed.id + "?include=attempts");
    for (const auto& attempt : whole.value("attempts", Json::array())) {
        listed.lost += attempt.at("outcome") == "lost" ? 1 : 0;
        listed.interrupted += attempt.at("outcome") == "interrupted" ? 1 : 0;
    }
    listed.view = view_of(whole);
    return listed;
}

}  // namespace

View view_of(const Json& job) {
    View view{.status = job.value("status", ""),
              .attempt = job.value("attempt", 0),
              .failures = job.value("failures", 0),
              .interruptions = job.value("interruptions", 0)};
    const auto id_in = [&job](const char* name) {
        const auto found = job.find(name);
        return found != job.end() && found->is_string() ? found->get<std::string>() : "";
    };
    view.retry_of = id_in("retry_of");
    view.retried_by = id_in("retried_by");
    if (const auto error = job.find("error"); error != job.end() && error->is_object()) {
        view.error = error->value("code", "");
    }
    if (const auto output = job.find("output"); output != job.end() && output->is_object()) {
        view.output_of = output->value("id", "");
        view.text = output->at("choices").at(0).value("text", "");
    }
    return view;
}

void write_list(test::Stack& stack, HistoryWriter& history) {
    std::string after;
    while (true) {
        const auto page =
            stack.call("GET", fmt::format("/v1/jobs?order=asc&limit={}{}", kPage, after));
        for (const auto& job : page.at("data")) {
            if (!job.at("metadata").contains("fault")) history.write(listed_of(stack, job));
        }
        if (!page.at("has_more").get<bool>()) return;
        after = "&after=" + page.at("last_id").get<std::string>();
    }
}

}  // namespace millrace::chaos
