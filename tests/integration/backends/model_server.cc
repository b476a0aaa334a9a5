#include "tests/integration/backends/model_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "common/http/http_client.h"
#include "tests/support/eventually.h"

namespace millrace::backends {
namespace {

namespace fs = std::filesystem;

fs::path in_source_tree(const std::string& path) {
    const char* source = std::getenv("MILLRACE_SOURCE");
    return fs::path(source ? source : ".") / path;
}

std::string content_of(const fs::path& file) {
    std::ifstream stream(file);
    return std::string(std::istreambuf_iterator<char>(stream), {});
}

}  // namespace

std::string tail_of(const fs::path& file) {
    const auto text = content_of(file);
    return text.substr(text.size() - std::min<std::size_t>(text.size(), 4096));
}

Result<std::unique_ptr<ModelServer>> ModelServer::prepare(const fs::path& program,
                                                          const std::string& script,
                                                          const std::vector<std::string>& models,
                                                          std::size_t ports) {
    if (!fs::exists(program)) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("{} is missing; run {}", program.string(), script)};
    }
    TRY(auto directory, millrace::process::TemporaryDirectory::make("millrace-models"));
    std::vector<millrace::process::PortReservation> reserved;
    for (std::size_t i = 0; i < ports; ++i) {
        TRY(auto port, millrace::process::PortReservation::any());
        reserved.push_back(std::move(port));
    }
    for (const auto& folder : models) {
        fs::copy(in_source_tree(folder), directory.path() / "models", fs::copy_options::recursive);
    }
    return std::unique_ptr<ModelServer>(new ModelServer(std::move(directory), std::move(reserved)));
}

Result<std::unique_ptr<ModelServer>> ModelServer::start_triton(
    const std::vector<std::string>& models) {
    const auto program = millrace::process::cache_directory() / "triton/tritonserver";
    TRY(auto server, prepare(program, "deploy/fetch-triton.sh", models, 1));
    server->shared_memory_prefix_ = server->directory_.path().filename().string();
    TRY_STATUS(server->run(
        {.argv = {
             program.string(),
             fmt::format("--model-repository={}", (server->directory_.path() / "models").string()),
             "--model-control-mode=explicit", "--load-model=*", "--exit-timeout-secs=2",
             "--http-address=127.0.0.1", fmt::format("--http-port={}", server->ports_[0].port()),
             "--allow-grpc=false", "--allow-metrics=false",
             fmt::format("--backend-config=python,shm-region-prefix-name={}",
                         server->shared_memory_prefix_)}}));
    return server;
}

Result<std::unique_ptr<ModelServer>> ModelServer::start_mlserver() {
    const auto program = millrace::process::cache_directory() / "mlserver/mlserver";
    TRY(auto server,
        prepare(program, "deploy/fetch-mlserver.sh", {"tests/integration/backends/mlserver"}, 3));
    const auto& ports = server->ports_;
    TRY_STATUS(server->run({.argv = {program.string(), "start", "."},
                            .env = {{"MLSERVER_HOST", "127.0.0.1"},
                                    {"MLSERVER_HTTP_PORT", std::to_string(ports[0].port())},
                                    {"MLSERVER_GRPC_PORT", std::to_string(ports[1].port())},
                                    {"MLSERVER_METRICS_PORT", std::to_string(ports[2].port())},
                                    {"MLSERVER_PARALLEL_WORKERS", "0"}}}));
    return server;
}

Status ModelServer::run(millrace::process::ChildOptions options) {
    const auto log = directory_.path() / "log";
    options.directory = directory_.path() / "models";
    options.output_file = log;
    TRY(auto child, millrace::process::ChildProcess::start(std::move(options)));
    child_ = std::make_unique<millrace::process::ChildProcess>(std::move(child));
    http::Client client;
    const auto ready = test::eventually(
        [&] {
            const auto answer = client.send({.url = url() + "/v2/health/ready"});
            return !child_->running() || (answer.has_value() && answer->status == 200);
        },
        "the server is ready", std::chrono::seconds(60));
    if (ready && child_->running()) return ok();
    return Error{ErrorCode::kUnavailable, "the server did not start: " + tail_of(log)};
}

ModelServer::~ModelServer() {
    if (child_) child_->terminate(std::chrono::seconds(10));
    if (shared_memory_prefix_.empty()) return;
    // A killed process of Triton leaves its shared memory behind.
    for (const auto& file : fs::directory_iterator("/dev/shm")) {
        std::error_code ignored;
        if (file.path().filename().string().starts_with(shared_memory_prefix_)) {
            fs::remove(file.path(), ignored);
        }
    }
}

std::string ModelServer::url() const {
    return fmt::format("http://127.0.0.1:{}", ports_.front().port());
}

std::string ModelServer::get(const std::string& path) const {
    const auto answer = http::Client().send({.url = url() + path});
    EXPECT_TRUE(answer.has_value() && answer->status == 200) << path;
    return answer.has_value() ? answer->body : "";
}

void ModelServer::post(const std::string& path) const {
    const auto answer = http::Client().send({.method = "POST", .url = url() + path, .body = "{}"});
    EXPECT_TRUE(answer.has_value() && answer->status == 200) << path;
}

void ModelServer::kill_model(const std::string& name) const {
    const auto model = (directory_.path() / "models" / name).string() + "/";
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto command = content_of(entry.path() / "cmdline");
        if (command.find("triton_python_backend_stub") == std::string::npos) continue;
        if (command.find(model) == std::string::npos) continue;
        ::kill(std::stoi(entry.path().filename().string()), SIGKILL);
        return;
    }
    ADD_FAILURE() << "no process runs " << model;
}

void go_without(const Error& error) {
    if (error.code == ErrorCode::kNotFound && std::getenv("CI") == nullptr) {
        GTEST_SKIP() << error.message;
    }
    FAIL() << error.message;
}

}  // namespace millrace::backends
