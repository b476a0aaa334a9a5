// The llama backend on a real model. Checks what holds for any text of the model: shapes, counts,
// limits, aborts. Greedy text is not compared between batches of different sizes, because the
// library rounds differently there.
#include <fstream>

#include "common/process/temporary_directory.h"
#include "tests/integration/backends/llama_fixture.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

class Llama : public LlamaFixture {};

TEST_F(Llama, AnswersAChat) {
    const auto key = run(chat("Name three fruits."));
    const auto outcome = sink_.outcome(key);
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    const auto output = json::parse(outcome.output_json);
    EXPECT_EQ(output["object"], "chat.completion");
    EXPECT_EQ(output["model"], "m");
    EXPECT_FALSE(text_of(outcome).empty());
    EXPECT_EQ(text_of(outcome), sink_.record(key).text);
    EXPECT_GT(outcome.usage.prompt_tokens, 5);
    EXPECT_GT(outcome.usage.completion_tokens, 0);
    EXPECT_LE(outcome.usage.completion_tokens, 24);
    EXPECT_EQ(output["usage"]["completion_tokens"], outcome.usage.completion_tokens.value());
}

TEST_F(Llama, CompletesAPrompt) {
    const auto outcome = outcome_of(R"({"prompt":"One, two, three,","max_tokens":8})");
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    const auto output = json::parse(outcome.output_json);
    EXPECT_EQ(output["object"], "text_completion");
    EXPECT_FALSE(output["choices"][0]["text"].get<std::string>().empty());
}

TEST_F(Llama, RunsSeveralInOneStep) {
    const auto before = backend_.stats();
    std::vector<AttemptKey> keys;
    for (int i = 0; i < kSlots; ++i) {
        keys.push_back(run(chat(fmt::format("Tell a story about {} bees.", i))));
    }
    std::int64_t tokens = 0;
    for (const auto& key : keys) {
        const auto outcome = sink_.outcome(key);
        ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
        EXPECT_FALSE(text_of(outcome).empty());
        EXPECT_EQ(text_of(outcome), sink_.record(key).text);
        tokens += outcome.usage.completion_tokens.value();
    }
    const auto after = backend_.stats();
    EXPECT_EQ(after.tokens_generated - before.tokens_generated, static_cast<std::uint64_t>(tokens));
    EXPECT_LT(after.steps - before.steps, static_cast<std::uint64_t>(tokens));
}

TEST_F(Llama, EndsAtMaxTokensAndSaysSo) {
    const auto outcome =
        outcome_of(chat("Count to one hundred.", {{"max_tokens", 5}, {"ignore_eos", true}}));
    EXPECT_EQ(outcome.usage.completion_tokens, 5);
    EXPECT_EQ(json::parse(outcome.output_json)["choices"][0]["finish_reason"], "length");
}

TEST_F(Llama, EndsWhereTheContextEnds) {
    const auto outcome = outcome_of(
        json{{"prompt", words(kContext - 20)}, {"max_tokens", 1000}, {"temperature", 0}}.dump());
    ASSERT_EQ(outcome.kind, OutcomeKind::kCompleted) << outcome.error_message;
    EXPECT_LE(outcome.usage.total_tokens().value(), kContext + 1);
}

TEST_F(Llama, EndsAtAStopString) {
    const json greedy{{"temperature", 0}, {"max_tokens", 24}};
    const auto whole = text_of(outcome_of(chat("Count from 1 to 9.", greedy)));
    ASSERT_GT(whole.size(), 6U);
    const auto stop = whole.substr(whole.size() / 2, 3);
    auto stopping = greedy;
    stopping["stop"] = stop;
    const auto outcome = outcome_of(chat("Count from 1 to 9.", stopping));
    EXPECT_EQ(text_of(outcome), whole.substr(0, whole.find(stop)));
    EXPECT_EQ(json::parse(outcome.output_json)["choices"][0]["finish_reason"], "stop");
}

TEST_F(Llama, GivesTheSameTextForTheSameSeed) {
    const auto text = [&](int seed) {
        const auto input =
            chat("Invent a name for a boat.", {{"seed", seed}, {"temperature", 1.5}});
        // The first answer leaves its prefix behind, so two later answers are compared that both
        // reuse it.
        outcome_of(input);
        return text_of(outcome_of(input));
    };
    const auto first = text(1);
    EXPECT_EQ(text(1), first);
    EXPECT_NE(text(2), first);
}

TEST_F(Llama, AnAbortFreesTheSlot) {
    std::vector<AttemptKey> keys;
    for (int i = 0; i < kSlots; ++i) {
        keys.push_back(run(chat("Tell a very long story.", {{"max_tokens", 100'000}})));
    }
    for (const auto& key : keys) sink_.wait_for_partial(key);
    for (const auto& key : keys) backend_.abort(key, AbortReason::kCancelled);
    for (const auto& key : keys) {
        const auto kind = sink_.outcome(key).kind;
        // A short story may have ended before the abort.
        EXPECT_TRUE(kind == OutcomeKind::kCancelled || kind == OutcomeKind::kCompleted);
    }
    EXPECT_EQ(outcome_of(chat("Hello.")).kind, OutcomeKind::kCompleted);
}

TEST_F(Llama, EndsAtTheDeadline) {
    const auto key = run_one(backend_, {.model = "m",
                                        .input = chat("Tell a story.", {{"max_tokens", 100'000}}),
                                        .deadline = milliseconds(0)});
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kTimeout);
}

TEST_F(Llama, RefusesAPromptThatDoesNotFit) {
    const auto outcome = outcome_of(chat(words(2 * kContext)));
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_code, "context_length_exceeded");
    EXPECT_NE(outcome.error_message.find("512"), std::string::npos) << outcome.error_message;
    EXPECT_NE(outcome.error_message.find("10"), std::string::npos) << outcome.error_message;
}

TEST_F(Llama, RefusesUnsupportedAndInvalidInputs) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {R"({"input":"a"})", "unsupported_operation"},
        {R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})",
         "unsupported_operation"},
        {R"({"prompt":"a","tools":[]})", "unsupported_operation"},
        {R"({"prompt":"a","n":2})", "unsupported_operation"},
        {R"({"prompt":""})", "invalid_input"},
        {R"({"prompt":5})", "invalid_input"},
        {"nonsense", "invalid_input"},
    };
    for (const auto& [input, code] : cases) {
        const auto outcome = outcome_of(input);
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << input;
        EXPECT_EQ(outcome.error_code, code) << input << ": " << outcome.error_message;
    }
    const auto usual = outcome_of(R"({"prompt":"a","max_tokens":1,"n":1,"presence_penalty":0,
                                      "frequency_penalty":0.0,"logprobs":false,"stream":true})");
    EXPECT_EQ(usual.kind, OutcomeKind::kCompleted) << usual.error_message;
}

TEST_F(Llama, StopInterruptsRunningJobs) {
    const auto key = run(chat("Tell a very long story.", {{"max_tokens", 100'000}}));
    sink_.wait_for_partial(key);
    backend_.stop();
    EXPECT_EQ(sink_.outcome(key).kind, OutcomeKind::kInterrupted);
}

// Returns the kernel's list of processors for each thread of this process with this name.
std::vector<std::string> processors_of_threads(const std::string& name) {
    std::vector<std::string> found;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string comm;
        std::getline(std::ifstream(task.path() / "comm") >> std::ws, comm);
        std::ifstream status(task.path() / "status");
        for (std::string line; comm == name && std::getline(status, line);) {
            const std::string key = "Cpus_allowed_list:\t";
            if (line.starts_with(key)) found.push_back(line.substr(key.size()));
        }
    }
    return found;
}

TEST_F(Llama, RunsOnTheProcessorsOfItsDevices) {
    // A thread gets its name once it has done some work.
    const JobOf short_job{.model = "m", .input = R"({"prompt":"a","max_tokens":1})"};
    sink_.outcome(run_one(backend_, short_job));
    const auto all = processors_of_threads("llama").at(0);
    const auto last = all.substr(all.find_last_of(",-") + 1);  // Of "0-3,8".
    llama::LlamaBackend bound({.model_path = model_path(),
                               .slots = 1,
                               .context_tokens = kContext,
                               .devices = parse_devices({"cpu:" + last}).value()});
    const auto status = bound.start(sink_);
    ASSERT_TRUE(status.has_value()) << status.error().message;
    sink_.outcome(run_one(bound, short_job));
    const auto threads = processors_of_threads("llama");
    EXPECT_EQ(std::count(threads.begin(), threads.end(), last), all == last ? 2 : 1);
    EXPECT_EQ(bound.info().devices, std::vector{"cpu:" + last});
    EXPECT_EQ(backend_.info().devices, std::vector<std::string>{});
}

TEST(LlamaStart, NamesMissingDevices) {
    RecordingSink sink;
    const auto message_for = [&](const std::string& device) {
        const auto status = llama::LlamaBackend({.model_path = model_path(),
                                                 .devices = parse_devices({device}).value()})
                                .start(sink);
        return status.has_value() ? "" : status.error().message;
    };
    EXPECT_NE(message_for("cpu:1023").find("none of the processors"), std::string::npos);
    EXPECT_NE(message_for("4000").find("names GPU 4000"), std::string::npos);
    EXPECT_NE(message_for("MIG-1f").find("by their numbers"), std::string::npos);
}

TEST(LlamaStart, SaysWhatIsWrongWithTheFile) {
    RecordingSink sink;
    const auto message_for = [&](const std::string& path) {
        const auto status = llama::LlamaBackend({.model_path = path}).start(sink);
        return status.has_value() ? "" : status.error().message;
    };
    const auto directory = millrace::process::TemporaryDirectory::make("millrace-test-").value();
    const auto& folder = directory.path();
    const auto text = (folder / "millrace_llama_test_text.gguf").string();
    std::ofstream(text) << "this is no model";
    EXPECT_NE(message_for(text).find("not a GGUF"), std::string::npos) << message_for(text);
    const auto broken = (folder / "millrace_llama_test_broken.gguf").string();
    std::ofstream(broken, std::ios::binary) << std::string("GGUF\3\0\0\0\1\0\0\0\0\0", 14);
    EXPECT_NE(message_for(broken).find(broken), std::string::npos) << message_for(broken);
    EXPECT_NE(message_for("/nonexistent.gguf"), "");
}

}  // namespace
}  // namespace millrace::backends
