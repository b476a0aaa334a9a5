// Helpers for the tests of the oip backend: jobs, batches of them, and their results.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/backends/recording_sink.h"
#include "worker/backends/oip/oip_backend.h"

namespace millrace::backends {

// Returns an input "x" of FP32 with one row.
inline std::string row(const std::vector<int>& values, const std::string& more = "") {
    return fmt::format(
        R"({{"inputs":[{{"name":"x","shape":[1,{}],"datatype":"FP32","data":[{}]}}]{}}})",
        values.size(), fmt::join(values, ","), more);
}

// Returns the elements of an output.
inline nlohmann::json data_of(const Outcome& outcome, std::size_t output = 0) {
    EXPECT_EQ(outcome.kind, OutcomeKind::kCompleted)
        << outcome.error_code << ": " << outcome.error_message;
    const auto answer = nlohmann::json::parse(outcome.output_json, nullptr, false);
    return answer.is_object() ? answer["outputs"][output]["data"] : nlohmann::json();
}

class OipFixture : public testing::Test {
 protected:
    void start(oip::OipOptions options) {
        backend_ = std::make_unique<oip::OipBackend>(std::move(options));
        const auto status = backend_->start(sink_);
        ASSERT_TRUE(status.has_value()) << status.error().message;
    }
    AttemptKey run(const std::string& input, const std::string& model = "m") {
        return run_one(*backend_, {.model = model, .input = input});
    }
    Outcome outcome_of(const std::string& input, const std::string& model = "m") {
        return sink_.outcome(run(input, model));
    }
    std::vector<AttemptKey> run_batch(const std::vector<std::string>& inputs,
                                      const std::string& model = "m") {
        std::vector<Execution> batch;
        std::vector<AttemptKey> keys;
        for (const auto& input : inputs) {
            batch.push_back(make_execution({.model = model, .input = input}));
            keys.push_back(batch.back().job.key);
        }
        backend_->run(std::move(batch));
        return keys;
    }
    std::vector<Outcome> outcomes_of(const std::vector<std::string>& inputs,
                                     const std::string& model = "m") {
        std::vector<Outcome> outcomes;
        for (const auto& key : run_batch(inputs, model)) outcomes.push_back(sink_.outcome(key));
        return outcomes;
    }

    RecordingSink sink_;
    std::unique_ptr<oip::OipBackend> backend_;
};

}  // namespace millrace::backends
