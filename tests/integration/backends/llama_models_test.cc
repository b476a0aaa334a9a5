// Several models in one worker: their names, and whether they fit, read from the real file.
#include "tests/integration/backends/llama_fixture.h"
#include "worker/backends/llama/models.h"

namespace millrace::backends {
namespace {

// The small model has 30 layers with 3 heads of 64 keys and 64 values, of two bytes each.
constexpr std::size_t kBytesOfToken = 30 * 3 * (64 + 64) * 2;

std::string refusal(const llama::LlamaModels& models) {
    const auto all = llama::options_of_models(options(), models);
    return all.has_value() ? "" : all.error().message;
}

TEST(LlamaModels, ComputesItsMemoryFromTheFile) {
    const auto memory = llama::memory_of_model(model_path(), 1000);
    ASSERT_TRUE(memory.has_value()) << memory.error().message;
    EXPECT_EQ(memory->weights, std::filesystem::file_size(model_path()));
    EXPECT_EQ(memory->context, kBytesOfToken * 1000);
}

TEST(LlamaModels, RefusesModelsThatExceedTheMemoryTogether) {
    const auto each = std::filesystem::file_size(model_path()) + kBytesOfToken * kSlots * kContext;
    llama::LlamaModels models{.paths = {model_path(), model_path()},
                              .names = {"first", "second"},
                              .memory_bytes_max = 2 * each};
    EXPECT_EQ(refusal(models), "");
    models.memory_bytes_max = 2 * each - 1;
    const auto message = refusal(models);
    for (const auto* part : {"first", "second", "backend.llama.memory_max"}) {
        EXPECT_NE(message.find(part), std::string::npos) << message;
    }
}

TEST(LlamaModels, NamesThemAfterTheirFiles) {
    const auto all = llama::options_of_models({}, {.paths = {"/a/first.gguf", "/b/second.gguf"}});
    ASSERT_TRUE(all.has_value());
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ(all->front().name, "first");
    EXPECT_EQ(all->back().name, "second");
    EXPECT_EQ(all->back().model_path, "/b/second.gguf");
    EXPECT_GE(all->back().threads, 1);
    EXPECT_NE(refusal({.paths = {"/a/x.gguf", "/b/x.gguf"}}).find("'x'"), std::string::npos);
    EXPECT_NE(refusal({.paths = {"/a/x.gguf"}, .names = {"a", "b"}}).find("2 names"),
              std::string::npos);
}

TEST(LlamaModels, ShareTheProcessors) {
    llama::LlamaOptions common{.devices = parse_devices({"cpu:0-7"}).value()};
    const auto threads = [&](std::vector<std::string> paths) {
        return llama::options_of_models(common, {.paths = std::move(paths)})
            .value()
            .front()
            .threads;
    };
    EXPECT_EQ(threads({"/a.gguf"}), 0);
    EXPECT_EQ(threads({"/a.gguf", "/b.gguf"}), 4);
    common.threads = 6;
    EXPECT_EQ(threads({"/a.gguf", "/b.gguf"}), 6);
}

TEST(LlamaModels, SaysWhichFileIsWrong) {
    const auto message =
        refusal({.paths = {model_path(), "/nonexistent.gguf"}, .memory_bytes_max = 1});
    EXPECT_NE(message.find("/nonexistent.gguf"), std::string::npos) << message;
}

}  // namespace
}  // namespace millrace::backends
