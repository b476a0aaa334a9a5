#include "worker/backends/openai/survey.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/http/curl_rules.h"

namespace millrace::worker {
namespace {

struct Question {
    std::size_t endpoint = 0;
    std::string url;
    std::string body = {};  // Empty: a GET.
};

struct Asked {
    CurlHandle handle;
    std::string answer;
    CURLcode code = CURLE_OPERATION_TIMEDOUT;
};

Result<std::string> answer_of(const Question& question, Asked& asked) {
    if (asked.code != CURLE_OK) {
        return Error{ErrorCode::kUnavailable, fmt::format("{} does not answer: {}", question.url,
                                                          http::reason_of(asked.code))};
    }
    long status = 0;
    curl_easy_getinfo(asked.handle.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        const auto* hint = status == 401 || status == 403 ? "; is the API key right?" : "";
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{} answered {}{}", question.url, status, hint)};
    }
    return std::move(asked.answer);
}

// All at once; the answers are in the order of the questions.
std::vector<Result<std::string>> ask(const std::vector<Question>& questions,
                                     const SurveyOptions& options, milliseconds timeout) {
    const auto headers = make_headers(options.api_key, "application/json");
    const CurlMulti multi(curl_multi_init());
    CHECK(multi);
    std::vector<Asked> all(questions.size());
    for (std::size_t i = 0; i < questions.size(); ++i) {
        auto& asked = all[i];
        asked.handle = make_handle(questions[i].url, headers.get(), options.connect);
        auto* handle = asked.handle.get();
        collect_answer(handle, asked.answer);
        curl_easy_setopt(handle, CURLOPT_PRIVATE, static_cast<void*>(&asked));
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
        if (!questions[i].body.empty()) set_body(handle, questions[i].body);
        CHECK(curl_multi_add_handle(multi.get(), handle) == CURLM_OK);
    }
    // Ends, because each handle has a timeout.
    for (int running = 1; running > 0;) {
        CHECK(curl_multi_perform(multi.get(), &running) == CURLM_OK);
        if (running > 0) curl_multi_poll(multi.get(), nullptr, 0, 1000, nullptr);
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

// Takes over what GET /models said.
Status learn(Endpoint& endpoint, const Result<std::string>& answer) {
    if (!answer.has_value()) return answer.error();
    TRY(const auto served, parse_model_list(*answer));
    if (served.empty()) {
        return Error{ErrorCode::kUnavailable, fmt::format("{} serves no model", endpoint.base_url)};
    }
    if (endpoint.models.empty()) {
        for (const auto& model : served) endpoint.models.emplace(model.id, model.id);
    }
    if (endpoint.profile == nullptr) {
        endpoint.profile = &find_profile_by_owner(served.front().id, served.front().owner);
    }
    return ok();
}

// Where all that answered serve the same, the others are taken for more of them.
void complete_models(std::vector<Endpoint>& endpoints) {
    ModelNames common;
    for (const auto& endpoint : endpoints) {
        if (endpoint.models.empty()) continue;
        if (!common.empty() && endpoint.models != common) return;
        common = endpoint.models;
    }
    for (auto& endpoint : endpoints) {
        if (endpoint.models.empty()) endpoint.models = common;
    }
}

Status ask_for_models(std::vector<Endpoint>& endpoints, const SurveyOptions& options) {
    std::vector<Question> questions;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const auto& endpoint = endpoints[i];
        if (endpoint.profile != nullptr && !endpoint.models.empty()) continue;
        questions.push_back({.endpoint = i, .url = endpoint.base_url + "/models"});
    }
    const auto answers = ask(questions, options, options.timeout);
    std::optional<Error> last;
    for (std::size_t i = 0; i < questions.size(); ++i) {
        auto& endpoint = endpoints[questions[i].endpoint];
        const auto status = learn(endpoint, answers[i]);
        if (endpoint.profile == nullptr) endpoint.profile = &generic_profile();
        if (status.has_value()) continue;
        last = status.error();
        log_warning("model endpoint says nothing of itself",
                    {{"endpoint", endpoint.name}, {"reason", last->message}});
    }
    complete_models(endpoints);
    std::erase_if(endpoints, [](const Endpoint& endpoint) { return endpoint.models.empty(); });
    if (!endpoints.empty()) return ok();
    last->message += "; start the server first, or name its models (backend.openai.models)";
    return *last;
}

void ask_for_slots(std::vector<Endpoint>& endpoints, const SurveyOptions& options) {
    std::vector<Question> questions;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const auto& endpoint = endpoints[i];
        if (endpoint.has_slots || !endpoint.profile->tells_slots) continue;
        questions.push_back({.endpoint = i, .url = root_url(endpoint) + "/props"});
    }
    const auto answers = ask(questions, options, options.timeout);
    for (std::size_t i = 0; i < questions.size(); ++i) {
        if (!answers[i].has_value()) continue;
        auto& slots = endpoints[questions[i].endpoint].capacity.slots;
        slots = parse_slots(*answers[i]).value_or(slots);
    }
}

// One token of each model at each endpoint. A model that is no chat refuses, which is as good.
void warm_up(const std::vector<Endpoint>& endpoints, const SurveyOptions& options) {
    std::vector<Question> questions;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        for (const auto& [_, model] : endpoints[i].models) {
            const nlohmann::json body{{"model", model},
                                      {"max_tokens", 1},
                                      {"messages", {{{"role", "user"}, {"content", "Hi"}}}}};
            questions.push_back({.endpoint = i,
                                 .url = endpoints[i].base_url + "/chat/completions",
                                 .body = body.dump()});
        }
    }
    const auto answers = ask(questions, options, options.warm_up);
    for (std::size_t i = 0; i < questions.size(); ++i) {
        if (answers[i].has_value()) continue;
        log_warning("model endpoint did not answer its warm-up",
                    {{"endpoint", endpoints[questions[i].endpoint].name},
                     {"reason", answers[i].error().message}});
    }
}

}  // namespace

Status survey(std::vector<Endpoint>& endpoints, const SurveyOptions& options) {
    TRY_STATUS(ask_for_models(endpoints, options));
    ask_for_slots(endpoints, options);
    if (options.warm_up > milliseconds(0)) warm_up(endpoints, options);
    for (const auto& endpoint : endpoints) {
        log_info("model endpoint", {{"endpoint", endpoint.name},
                                    {"profile", endpoint.profile->name},
                                    {"slots", endpoint.capacity.slots},
                                    {"order", endpoint.capacity.order}});
    }
    return ok();
}

}  // namespace millrace::worker
