// A fake server of the Open Inference Protocol; a test defines its infer answers. It uses Triton's
// dialect with the binary extension or MLServer's without; its model "m" takes rows "x".
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <mutex>

#include "tests/integration/backends/oip_fixture.h"
#include "tests/support/fake_server.h"

namespace millrace::backends {

inline constexpr auto kOipMetadata = R"({"name":"m",
    "inputs":[{"name":"x","datatype":"FP32","shape":[-1,-1]}],
    "outputs":[{"name":"y","datatype":"FP32","shape":[-1,-1]}]})";

struct Dialect {
    bool binary = true;
    int max_batch_size = 8;
};

// A parsed infer request.
struct Infer {
    nlohmann::json head;
    std::vector<float> x;

    std::size_t rows() const { return head["inputs"][0]["shape"][0]; }
    bool has(float value) const { return std::find(x.begin(), x.end(), value) != x.end(); }
};

inline Infer read_infer(const test::Exchange& exchange) {
    const auto& body = exchange.body();
    const auto length = exchange.header("inference-header-content-length");
    if (length.empty()) {
        auto head = nlohmann::json::parse(body);
        auto x = head["inputs"][0]["data"].get<std::vector<float>>();
        return {std::move(head), std::move(x)};
    }
    const auto size = std::stoul(length);
    std::vector<float> x((body.size() - size) / sizeof(float));
    std::memcpy(x.data(), body.data() + size, x.size() * sizeof(float));
    return {nlohmann::json::parse(body.substr(0, size)), std::move(x)};
}

// Sends the right answer; it is `cut` bytes shorter than announced.
inline void answer_doubled(test::Exchange& exchange, std::size_t cut = 0) {
    auto infer = read_infer(exchange);
    nlohmann::json output{
        {"name", "y"}, {"datatype", "FP32"}, {"shape", infer.head["inputs"][0]["shape"]}};
    for (auto& value : infer.x) value *= 2;
    if (exchange.header("inference-header-content-length").empty()) {
        output["data"] = infer.x;
        return exchange.reply(200, "application/json",
                              nlohmann::json{{"model_name", "m"}, {"outputs", {output}}}.dump());
    }
    std::string bytes(infer.x.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), infer.x.data(), bytes.size());
    output["parameters"] = {{"binary_data_size", bytes.size()}};
    const auto head = nlohmann::json{{"model_name", "m"}, {"outputs", {output}}}.dump();
    exchange.reply(200, "application/octet-stream",
                   (head + bytes).substr(0, head.size() + bytes.size() - cut),
                   fmt::format("Inference-Header-Content-Length: {}\r\n", head.size()));
}

inline void fail_model(test::Exchange& exchange) {
    exchange.reply(500, "text/plain",
                   R"({"error":"Failed to process the request(s) for model 'm_0_0', message: x"})");
}

inline void fail_dead(test::Exchange& exchange) {
    exchange.reply(500, "text/plain", R"({"error":"Stub process 'm_0_0' is not healthy."})");
}

// Answers requests about the server and the model; passes all others to `infer`.
inline test::FakeServer::Handler handler(Dialect dialect, test::FakeServer::Handler infer) {
    return [dialect, infer = std::move(infer)](test::Exchange& exchange) {
        const auto target = exchange.target();
        if (target == "GET /v2") {
            const auto* extensions =
                dialect.binary ? R"(["binary_tensor_data","model_configuration"])" : "[]";
            return exchange.reply(200, "application/json",
                                  fmt::format(R"({{"extensions":{}}})", extensions));
        }
        if (target.starts_with("GET ") && target.ends_with("/config")) {
            return exchange.reply(
                200, "application/json",
                fmt::format(R"({{"max_batch_size":{}}})", dialect.max_batch_size));
        }
        if (target.starts_with("GET "))
            return exchange.reply(200, "application/json", kOipMetadata);
        infer(exchange);
    };
}

class Oip : public OipFixture {
 protected:
    ~Oip() override {
        if (backend_) backend_->stop();
    }
    // Records the infer requests; to be the handler of a test's server.
    test::FakeServer::Handler recorded(test::FakeServer::Handler infer) {
        return [this, infer = std::move(infer)](test::Exchange& exchange) {
            {
                const std::lock_guard lock(mutex_);
                infers_.push_back(read_infer(exchange));
            }
            infer(exchange);
        };
    }
    void start_with(test::FakeServer::Handler infer, oip::OipOptions options = {},
                    Dialect dialect = {}) {
        server_ = std::make_unique<test::FakeServer>(handler(dialect, recorded(std::move(infer))));
        options.base_urls = {server_->url()};
        if (options.models.empty()) options.models = {"m"};
        start(std::move(options));
    }
    std::vector<Infer> infers() {
        const std::lock_guard lock(mutex_);
        return infers_;
    }

    std::mutex mutex_;
    std::vector<Infer> infers_;  // Guarded by mutex_.
    std::unique_ptr<test::FakeServer> server_;
};

inline void answer(test::Exchange& exchange) {
    answer_doubled(exchange);
}

}  // namespace millrace::backends
