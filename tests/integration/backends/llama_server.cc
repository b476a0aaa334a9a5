#include "tests/integration/backends/llama_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/http/http_client.h"
#include "tests/integration/backends/model_server.h"
#include "tests/support/eventually.h"

namespace millrace::backends {
namespace {

constexpr auto kModel = "models/SmolLM2-135M-Instruct.Q4_1.gguf";

}  // namespace

std::filesystem::path LlamaServer::tools_template() {
    return millrace::process::cache_directory() / "llama-server/tools.jinja";
}

Result<std::unique_ptr<LlamaServer>> LlamaServer::prepare(std::vector<std::string> arguments) {
    const auto program = millrace::process::cache_directory() / "llama-server/llama-server";
    const auto model = millrace::process::cache_directory() / kModel;
    for (const auto& [file, script] : {std::pair{program, "deploy/fetch-llama-server.sh"},
                                       std::pair{model, "deploy/fetch-llama.sh"}}) {
        if (std::filesystem::exists(file)) continue;
        return Error{ErrorCode::kNotFound,
                     fmt::format("{} is missing; run {}", file.string(), script)};
    }
    TRY(auto directory, millrace::process::TemporaryDirectory::make("millrace-llama-server"));
    TRY(auto port, millrace::process::PortReservation::any());
    std::vector<std::string> command{program.string(),
                                     "-m",
                                     model.string(),
                                     "--host",
                                     "127.0.0.1",
                                     "--port",
                                     std::to_string(port.port()),
                                     "--parallel",
                                     "4",
                                     "-c",
                                     "4096",
                                     "--threads",
                                     "1",
                                     "--threads-http",
                                     "32",
                                     "--metrics",
                                     "--offline",
                                     "--alias",
                                     "smol"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return std::unique_ptr<LlamaServer>(
        new LlamaServer(std::move(directory), std::move(port), std::move(command)));
}

Result<std::unique_ptr<LlamaServer>> LlamaServer::start(std::vector<std::string> arguments) {
    TRY(auto server, prepare(std::move(arguments)));
    TRY_STATUS(server->start_again());
    return server;
}

Status LlamaServer::start_again() {
    const auto log = directory_.path() / "log";
    TRY(auto child,
        millrace::process::ChildProcess::start({.argv = arguments_, .output_file = log}));
    child_ = std::make_unique<millrace::process::ChildProcess>(std::move(child));
    http::Client client;
    const auto root = fmt::format("http://127.0.0.1:{}", port_.port());
    const auto ready = test::eventually(
        [&] {
            const auto answer = client.send({.url = root + "/health"});
            return !child_->running() || (answer.has_value() && answer->status == 200);
        },
        "the server is ready", std::chrono::seconds(60));
    if (ready && child_->running()) return ok();
    return Error{ErrorCode::kUnavailable, "llama-server did not start: " + tail_of(log)};
}

std::string LlamaServer::url() const {
    return fmt::format("http://127.0.0.1:{}/v1", port_.port());
}

nlohmann::ordered_json LlamaServer::ask(const std::string& path, const std::string& input) const {
    const auto answer = http::Client().send({.method = "POST",
                                             .url = url() + path,
                                             .headers = {"content-type: application/json"},
                                             .body = R"({"model":"smol",)" + input.substr(1),
                                             .timeout = milliseconds(120'000)});
    if (!answer.has_value() || answer->status != 200) {
        ADD_FAILURE() << "the server itself does not answer " << input << ": "
                      << (answer.has_value() ? answer->body : answer.error().message);
        return {};
    }
    return nlohmann::ordered_json::parse(answer->body);
}

int LlamaServer::busy_slots() const {
    const auto root = fmt::format("http://127.0.0.1:{}", port_.port());
    const auto answer = http::Client().send({.url = root + "/slots"});
    EXPECT_TRUE(answer.has_value() && answer->status == 200);
    if (!answer.has_value()) return -1;
    const auto slots = nlohmann::json::parse(answer->body);
    return static_cast<int>(std::ranges::count_if(
        slots, [](const auto& slot) { return slot["is_processing"].template get<bool>(); }));
}

}  // namespace millrace::backends
