// Fakes of the broker's parts that the gateway uses.
#pragma once

#include <algorithm>
#include <deque>
#include <ostream>
#include <string>
#include <vector>

#include "common/broker/broker.h"
#include "common/job/job.h"
#include "common/wire/messages.h"
#include "producer/service/services.h"

// How failed assertions show answers.
namespace millrace {
inline void PrintTo(const Result<storage::JobRecord>& answer, std::ostream* out) {
    *out << (answer ? answer->id.str() : to_string(answer.error()));
}
}  // namespace millrace
namespace millrace::service {
inline void PrintTo(const SubmitResult& answer, std::ostream* out) {
    *out << (answer ? answer->id.str() : to_string(answer.error().error));
}
}  // namespace millrace::service

namespace millrace::test {

// Keeps what was published. Accepts `room` more messages, then none.
class RecordingPublisher : public broker::Publisher {
 public:
    std::size_t room = SIZE_MAX;
    std::vector<broker::OutgoingMessage> messages;
    int publishes = 0;

    std::size_t publish(const std::vector<broker::OutgoingMessage>& batch) override {
        ++publishes;
        const auto taken = std::min(room, batch.size());
        const auto end = batch.begin() + static_cast<std::ptrdiff_t>(taken);
        messages.insert(messages.end(), batch.begin(), end);
        room -= taken;
        return taken;
    }
    void flush(milliseconds) override {}

    std::vector<std::string> values_of(const std::string& topic) const {
        std::vector<std::string> values;
        for (const auto& message : messages) {
            if (message.topic == topic) values.push_back(message.value);
        }
        return values;
    }

    // Returns the jobs of all dispatch messages of one topic, in order.
    std::vector<JobId> jobs_on(const std::string& topic) const {
        std::vector<JobId> jobs;
        for (const auto& value : values_of(topic)) {
            jobs.push_back(wire::decode_dispatch(value).value().job);
        }
        return jobs;
    }
};

// Delivers the messages that the test puts in.
class ScriptedSubscriber : public broker::Subscriber {
 public:
    explicit ScriptedSubscriber(std::deque<std::string>& values) : values_(values) {}

    std::vector<broker::IncomingMessage> poll(std::size_t, milliseconds) override {
        std::vector<broker::IncomingMessage> messages;
        for (auto& value : values_) messages.push_back({"events", 0, 0, std::move(value)});
        values_.clear();
        return messages;
    }
    void done(const std::string&, std::int32_t, std::int64_t) override {}
    void pause(const std::string&) override {}
    void resume(const std::string&) override {}
    void close() override {}

 private:
    std::deque<std::string>& values_;
};

inline JobSpec a_spec(const std::string& queue = "default") {
    JobSpec spec;
    spec.queue = queue;
    spec.model = "echo";
    spec.input_json = R"({"prompt":"hello"})";
    spec.policy.execution_timeout = milliseconds(60000);
    spec.policy.attempts_max = 3;
    return spec;
}

}  // namespace millrace::test
