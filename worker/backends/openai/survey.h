// What the endpoints say of themselves, again and again: which models they serve, which server they
// are, how much it runs at once; and a first answer of each model, so that it is loaded.
//
// One that does not answer is waited for: it is asked again every kWaitInterval, and the log says
// once what is waited for, and when that changes. One that has answered is asked every `interval`:
// it may get models, lose them, or come back as another server. What it said last counts while it
// is away.
//
// Threads:   one caller at a time, but for stop().
// Blocks:    look(), up to the options' timeouts, for all endpoints together.
#pragma once

#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "worker/backends/http/curl_handles.h"
#include "worker/backends/openai/endpoint.h"

namespace millrace::worker {

struct SurveyOptions {
    std::string api_key;
    ConnectOptions connect = {};
    milliseconds timeout{10'000};  // Of each question.
    milliseconds warm_up{0};       // How long a first answer may take; zero: none is asked for.
    milliseconds interval{5'000};  // Between two questions to one that has answered.
};

class Survey {
 public:
    static constexpr milliseconds kWaitInterval{1'000};

    // `given` is what the settings say of the endpoints; what they say is not asked for.
    Survey(std::vector<Endpoint> given, SurveyOptions options);

    // Asks those whose time it is. True when endpoints() are others than before; at first never.
    bool look(MonoTime now);
    // In the order of the settings, with what is known. One without models serves none yet. One
    // that never answered counts as "generic", and as serving what the others serve where these
    // agree.
    const std::vector<Endpoint>& endpoints() const { return endpoints_; }
    // Empty when some endpoint serves something; else what the first one is missing.
    std::string waits_for() const;

    // look() returns at once, now and later. From any thread.
    void stop() { is_over_ = true; }

 private:
    struct Facts {
        std::optional<std::vector<ServedModel>> models = {};  // As last said.
        std::optional<std::size_t> slots = {};
        std::set<std::string> warm = {};
        std::string problem = {};               // Of the last answer; empty: none.
        MonoTime next = MonoTime::min();        // When it is asked for its models again,
        MonoTime next_slots = MonoTime::min();  // and for its slots.
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

}  // namespace millrace::worker
