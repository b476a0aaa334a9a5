// Asks the endpoints at intervals which models they serve, which server they are, and how many
// requests they run at once. It also requests a first answer of each model, so that the model is
// loaded.
//
// An endpoint that does not answer is asked again every kWaitInterval; the log gives the reason
// once, and again when it changes. One that has answered is asked every `interval`: it may gain or
// lose models, or come back as another server. While it is away, its last answer counts.
//
// Threads:   one caller at a time, except stop().
// Blocks:    look(), up to the options' timeouts, for all endpoints together.
#pragma once

#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "worker/backends/openai/endpoint.h"
#include "worker/backends/serving/curl_handles.h"

namespace millrace::backends::openai {

struct SurveyOptions {
    std::string api_key;
    serving::ConnectOptions connect = {};
    milliseconds timeout{10'000};  // Of each question.
    milliseconds warm_up{0};       // The limit of a model's first answer; zero: none is requested.
    milliseconds interval{5'000};  // Between two questions to one that has answered.
};

class Survey {
 public:
    static constexpr milliseconds kWaitInterval{1'000};

    // `given` holds what the settings say of the endpoints; the survey asks only for the rest.
    Survey(std::vector<Endpoint> given, SurveyOptions options);

    // Asks the endpoints that are due. Returns true if endpoints() have changed; the first call
    // always returns false.
    bool look(MonoTime now);
    // The endpoints in the order of the settings, with what is known. One without models serves
    // none yet. One that never answered counts as "generic", and as serving the others' models if
    // these agree.
    const std::vector<Endpoint>& endpoints() const { return endpoints_; }
    // Empty if some endpoint serves a model; else why the first one does not.
    std::string waits_for() const;

    // Makes look() return at once, now and later. From any thread.
    void stop() { is_over_ = true; }

 private:
    struct Facts {
        std::optional<std::vector<ServedModel>> models = {};  // Of the last answer; empty: none.
        std::optional<std::size_t> slots = {};
        std::set<std::string> warm = {};
        std::string problem = {};               // Of the last answer; empty: none.
        MonoTime next = MonoTime::min();        // When to ask for its models again.
        MonoTime next_slots = MonoTime::min();  // When to ask for its slots.
    };

    bool is_due(std::size_t index, MonoTime now) const;
    void ask_for_models(MonoTime now);
    void learn(std::size_t index, const Result<std::string>& answer);
    void ask_for_slots(const std::vector<Endpoint>& endpoints, MonoTime now);
    void warm_up(const std::vector<Endpoint>& endpoints);
    std::vector<Endpoint> merged() const;
    void complete_models(std::vector<Endpoint>& endpoints) const;

    const SurveyOptions options_;
    std::atomic<bool> is_over_ = false;
    std::vector<Facts> facts_;
    const std::vector<Endpoint> given_;
    std::vector<Endpoint> endpoints_;
    bool looked_ = false;
};

}  // namespace millrace::backends::openai
