#include "tests/chaos/history.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace millrace::chaos {
namespace {

using Json = nlohmann::json;

// Short names, because a run of hours has millions of lines.
Json to_json(const Span& span) {
    return {span.from.count(), span.to.count()};
}

Span span_of(const Json& json) {
    return {Moment(json.at(0).get<std::int64_t>()), Moment(json.at(1).get<std::int64_t>())};
}

Json to_json(const View& view) {
    Json json{{"status", view.status},
              {"attempt", view.attempt},
              {"failures", view.failures},
              {"interruptions", view.interruptions}};
    if (!view.error.empty()) json["error"] = view.error;
    if (view.text) json["text"] = *view.text;
    if (!view.output_of.empty()) json["output_of"] = view.output_of;
    if (!view.retry_of.empty()) json["retry_of"] = view.retry_of;
    if (!view.retried_by.empty()) json["retried_by"] = view.retried_by;
    return json;
}

View view_of(const Json& json) {
    View view{.status = json.at("status"),
              .attempt = json.at("attempt"),
              .failures = json.at("failures"),
              .interruptions = json.at("interruptions"),
              .error = json.value("error", ""),
              .output_of = json.value("output_of", ""),
              .retry_of = json.value("retry_of", ""),
              .retried_by = json.value("retried_by", "")};
    if (json.contains("text")) view.text = json.at("text");
    return view;
}

Planned planned_of(const Json& json) {
    return {.job = json.at("job"),
            .keyed = json.at("keyed"),
            .cancels = json.at("cancels"),
            .retried = json.at("retried"),
            .end = json.at("end"),
            .failures = json.at("failures"),
            .text = json.at("text")};
}

Submitted submitted_of(const Json& json) {
    return {.job = json.at("job"),
            .span = span_of(json.at("span")),
            .http = json.at("http"),
            .id = json.at("id")};
}

Seen seen_of(const Json& json) {
    Seen seen{.job = json.at("job"),
              .id = json.at("id"),
              .how = json.at("how"),
              .span = span_of(json.at("span")),
              .http = json.at("http")};
    if (json.contains("view")) seen.view = view_of(json.at("view"));
    return seen;
}

Retried retried_of(const Json& json) {
    return {.id = json.at("id"),
            .how = json.at("how"),
            .span = span_of(json.at("span")),
            .http = json.at("http"),
            .retry = json.at("retry")};
}

Listed listed_of(const Json& json) {
    return {.job = json.at("job"),
            .id = json.at("id"),
            .view = view_of(json.at("view")),
            .lost = json.at("lost"),
            .interrupted = json.at("interrupted")};
}

void add(History& history, const Json& json) {
    const auto kind = json.at("event").get<std::string>();
    if (kind == "planned") {
        history.planned.push_back(planned_of(json));
    } else if (kind == "submitted") {
        history.submitted.push_back(submitted_of(json));
    } else if (kind == "seen") {
        history.seen.push_back(seen_of(json));
    } else if (kind == "retried") {
        history.retried.push_back(retried_of(json));
    } else if (kind == "listed") {
        history.listed.push_back(listed_of(json));
    } else if (kind == "fault") {
        history.faults.push_back({json.at("name"), span_of(json.at("span"))});
    } else {
        throw std::runtime_error("unknown event " + kind);
    }
}

}  // namespace

bool View::is_final() const {
    return status == "completed" || status == "failed" || status == "cancelled" ||
           status == "expired";
}

HistoryWriter::HistoryWriter(const std::filesystem::path& file) : file_(file) {
    if (!file_) throw std::runtime_error("cannot write " + file.string());
}

Moment HistoryWriter::now() const {
    return std::chrono::duration_cast<Moment>(std::chrono::steady_clock::now() - begin_);
}

void HistoryWriter::write_line(const std::string& line) {
    const std::lock_guard lock(mutex_);
    file_ << line << '\n';
}

void HistoryWriter::flush() {
    const std::lock_guard lock(mutex_);
    file_.flush();
    if (!file_) throw std::runtime_error("the history could not be written");
}

void HistoryWriter::write(const Planned& event) {
    write_line(Json{{"event", "planned"},
                    {"job", event.job},
                    {"keyed", event.keyed},
                    {"cancels", event.cancels},
                    {"retried", event.retried},
                    {"end", event.end},
                    {"failures", event.failures},
                    {"text", event.text}}
                   .dump());
}

void HistoryWriter::write(const Submitted& event) {
    write_line(Json{
        {"event", "submitted"},
        {"job", event.job},
        {"span", to_json(event.span)},
        {"http", event.http},
        {"id",
         event.id}}.dump());
}

void HistoryWriter::write(const Seen& event) {
    Json json{{"event", "seen"},
              {"job", event.job},
              {"id", event.id},
              {"how", event.how},
              {"span", to_json(event.span)},
              {"http", event.http}};
    if (!event.view.status.empty()) json["view"] = to_json(event.view);
    write_line(json.dump());
}

void HistoryWriter::write(const Retried& event) {
    write_line(Json{{"event", "retried"},
                    {"id", event.id},
                    {"how", event.how},
                    {"span", to_json(event.span)},
                    {"http", event.http},
                    {"retry", event.retry}}
                   .dump());
}

void HistoryWriter::write(const Listed& event) {
    write_line(Json{{"event", "listed"},
                    {"job", event.job},
                    {"id", event.id},
                    {"view", to_json(event.view)},
                    {"lost", event.lost},
                    {"interrupted", event.interrupted}}
                   .dump());
}

void HistoryWriter::write(const FaultSpan& event) {
    write_line(
        Json{{"event", "fault"}, {"name", event.name}, {"span", to_json(event.span)}}.dump());
}

History read_history(const std::filesystem::path& file) {
    std::ifstream stream(file);
    if (!stream) throw std::runtime_error("cannot read " + file.string());
    History history;
    for (std::string line; std::getline(stream, line);) add(history, Json::parse(line));
    return history;
}

}  // namespace millrace::chaos
