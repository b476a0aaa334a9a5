#include "worker/backends/openai/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/http/curl_rules.h"

namespace millrace::backends::openai {
namespace {

// How long a stopped survey may take to notice.
constexpr int kStopMs = 100;

struct Question {
    std::size_t endpoint = 0;
    std::string url;
    std::string body = {};  // Empty: a GET.
};

struct Asked {
    serving::CurlHandle handle;
    std::string answer;
    CURLcode code = CURLE_OPERATION_TIMEDOUT;
};

Result<std::string> answer_of(const Question& question, Asked& asked) {
    if (asked.code != CURLE_OK) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{} does not answer: {}", question.url,
                                 http::reason_of(asked.handle.get(), asked.code, "ca_file"))};
    }
    if (const auto status = serving::status_of(asked.handle.get()); status != 200) {
        std::string hint = status == 401 || status == 403 ? "; is the API key correct?" : "";
        if (const auto place = serving::location_of(asked.handle.get()); !place.empty()) {
            hint = "; it is at " + place;
        }
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{} answered {}{}", question.url, status, hint)};
    }
    return std::move(asked.answer);
}

// Asks all at once; the answers are in the order of the questions.
std::vector<Result<std::string>> ask(const std::vector<Question>& questions,
                                     const SurveyOptions& options, milliseconds timeout,
                                     const std::atomic<bool>& is_over) {
    if (questions.empty()) return {};
    const auto headers = serving::make_headers(options.api_key, "application/json");
    const serving::CurlMulti multi(curl_multi_init());
    CHECK(multi);
    std::vector<Asked> all(questions.size());
    for (std::size_t i = 0; i < questions.size(); ++i) {
        auto& asked = all[i];
        asked.handle = serving::make_handle(questions[i].url, headers.get(), options.connect);
        auto* handle = asked.handle.get();
        serving::collect_answer(handle, asked.answer);
        curl_easy_setopt(handle, CURLOPT_PRIVATE, static_cast<void*>(&asked));
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
        if (!questions[i].body.empty()) serving::set_body(handle, questions[i].body);
        CHECK(curl_multi_add_handle(multi.get(), handle) == CURLM_OK);
    }
    // Ends, because each handle has a timeout.
    for (int running = 1; running > 0 && !is_over;) {
        CHECK(curl_multi_perform(multi.get(), &running) == CURLM_OK);
        if (running > 0) curl_multi_poll(multi.get(), nullptr, 0, kStopMs, nullptr);
    }
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi.get(), &left)) {
        char* pointer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
        reinterpret_cast<Asked*>(pointer)->code = message->data.result;
    }
    std::vector<Result<std::string>> answers;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        curl_multi_remove_handle(multi.get(), all[i].handle.get());
        answers.push_back(answer_of(questions[i], all[i]));
    }
    return answers;
}

std::string names_of(const serving::ModelNames& models) {
    std::string names;
    for (const auto& [name, _] : models) names += (names.empty() ? "" : ",") + name;
    return names;
}

bool is_same(const Endpoint& a, const Endpoint& b) {
    return a.models == b.models && a.profile == b.profile && a.capacity.slots == b.capacity.slots;
}

}  // namespace

Survey::Survey(std::vector<Endpoint> given, SurveyOptions options)
    : options_(std::move(options)), facts_(given.size()), given_(std::move(given)) {
    endpoints_ = merged();
}

bool Survey::look(MonoTime now) {
    ask_for_models(now);
    auto endpoints = merged();
    ask_for_slots(endpoints, now);
    endpoints = merged();
    if (options_.warm_up > milliseconds(0)) warm_up(endpoints);
    bool has_changed = false;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const auto& endpoint = endpoints[i];
        // The first survey logs everything that is known.
        const bool is_news = looked_ ? !is_same(endpoint, endpoints_[i]) : !endpoint.models.empty();
        has_changed = has_changed || (looked_ && is_news);
        if (!is_news) continue;
        log_info("model endpoint", {{"endpoint", endpoint.name},
                                    {"profile", endpoint.profile->name},
                                    {"slots", endpoint.capacity.slots},
                                    {"order", endpoint.capacity.order},
                                    {"models", names_of(endpoint.models)}});
    }
    looked_ = true;
    endpoints_ = std::move(endpoints);
    return has_changed;
}

std::string Survey::waits_for() const {
    for (std::size_t i = 0; i < endpoints_.size(); ++i) {
        if (!endpoints_[i].models.empty()) return {};
    }
    return facts_.front().problem.empty() ? endpoints_.front().base_url : facts_.front().problem;
}

bool Survey::is_due(std::size_t index, MonoTime now) const {
    const auto& given = given_[index];
    if (given.profile != nullptr && !given.models.empty()) return false;
    return now >= facts_[index].next;
}

void Survey::ask_for_models(MonoTime now) {
    std::vector<Question> questions;
    for (std::size_t i = 0; i < given_.size(); ++i) {
        if (!is_due(i, now)) continue;
        questions.push_back({.endpoint = i, .url = given_[i].base_url + "/models"});
    }
    const auto answers = ask(questions, options_, options_.timeout, is_over_);
    for (std::size_t i = 0; i < questions.size() && !is_over_; ++i) {
        learn(questions[i].endpoint, answers[i]);
        auto& facts = facts_[questions[i].endpoint];
        const bool knows = facts.models && !facts.models->empty();
        facts.next = now + (knows ? options_.interval : std::min(options_.interval, kWaitInterval));
    }
}

void Survey::learn(std::size_t index, const Result<std::string>& answer) {
    auto& facts = facts_[index];
    auto served = answer.has_value() ? parse_model_list(*answer)
                                     : Result<std::vector<ServedModel>>(answer.error());
    std::string problem;
    if (!served.has_value()) {
        problem = served.error().message;
    } else {
        facts.models = *std::move(served);
        if (facts.models->empty()) problem = given_[index].base_url + " serves no model";
    }
    // The models that it last served count until it lists others: it may be restarting.
    const bool is_new = problem != facts.problem;
    facts.problem = std::move(problem);
    if (!is_new || facts.problem.empty() || (facts.models && !facts.models->empty())) return;
    log_warning("waiting for a model server",
                {{"endpoint", given_[index].name}, {"reason", facts.problem}});
}

std::vector<Endpoint> Survey::merged() const {
    auto endpoints = given_;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        auto& endpoint = endpoints[i];
        const auto& facts = facts_[i];
        const bool knows = facts.models && !facts.models->empty();
        if (endpoint.models.empty() && knows) {
            for (const auto& model : *facts.models) endpoint.models.emplace(model.id, model.id);
        }
        if (endpoint.profile == nullptr) {
            endpoint.profile = knows ? &find_profile_by_models(*facts.models) : &generic_profile();
        }
        if (!endpoint.has_slots && endpoint.profile->tells_slots) {
            endpoint.capacity.slots = facts.slots.value_or(endpoint.capacity.slots);
        }
    }
    complete_models(endpoints);
    return endpoints;
}

// If all endpoints that answered serve the same models, the others are assumed to serve them too.
void Survey::complete_models(std::vector<Endpoint>& endpoints) const {
    serving::ModelNames common;
    for (const auto& endpoint : endpoints) {
        if (endpoint.models.empty()) continue;
        if (!common.empty() && endpoint.models != common) return;
        common = endpoint.models;
    }
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        if (endpoints[i].models.empty() && !facts_[i].models) endpoints[i].models = common;
    }
}

void Survey::ask_for_slots(const std::vector<Endpoint>& endpoints, MonoTime now) {
    std::vector<Question> questions;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const auto& endpoint = endpoints[i];
        if (endpoint.has_slots || !endpoint.profile->tells_slots) continue;
        if (now < facts_[i].next_slots) continue;
        facts_[i].next_slots = now + options_.interval;
        questions.push_back({.endpoint = i, .url = root_url(endpoint) + "/props"});
    }
    const auto answers = ask(questions, options_, options_.timeout, is_over_);
    for (std::size_t i = 0; i < questions.size(); ++i) {
        if (!answers[i].has_value()) continue;
        if (const auto slots = parse_slots(*answers[i]))
            facts_[questions[i].endpoint].slots = slots;
    }
}

// Requests one token of each model at each endpoint where that has not been done yet. A refusal,
// from a model that is not for chat, is as good.
void Survey::warm_up(const std::vector<Endpoint>& endpoints) {
    std::vector<Question> questions;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        for (const auto& [_, model] : endpoints[i].models) {
            if (!facts_[i].warm.insert(model).second) continue;
            const nlohmann::json body{{"model", model},
                                      {"max_tokens", 1},
                                      {"messages", {{{"role", "user"}, {"content", "Hi"}}}}};
            questions.push_back({.endpoint = i,
                                 .url = endpoints[i].base_url + "/chat/completions",
                                 .body = body.dump()});
        }
    }
    const auto answers = ask(questions, options_, options_.warm_up, is_over_);
    for (std::size_t i = 0; i < questions.size(); ++i) {
        if (answers[i].has_value()) continue;
        log_warning(
            "model endpoint did not answer its warm-up; its first job may wait for the model",
            {{"endpoint", endpoints[questions[i].endpoint].name},
             {"reason", answers[i].error().message}});
    }
}

}  // namespace millrace::backends::openai
