// The API on a free port in front of fake services.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "producer/api/api.h"
#include "producer/server/http_server.h"
#include "tests/unit/api/fake_services.h"
#include "tests/unit/server/raw_client.h"

namespace millrace::test {

class ServerTest : public testing::Test {
 protected:
    using Json = nlohmann::json;

    // Starts it again with these options on a free port.
    void start(server::ServerOptions options = {}, const api::codec::ApiOptions& limits = {}) {
        server_.reset();
        options.port = 0;
        server_ = make_server(options, limits);
        const auto status = server_->start();
        ASSERT_TRUE(status.has_value()) << status.error().message;
    }

    std::unique_ptr<server::HttpServer> make_server(const server::ServerOptions& options,
                                                    const api::codec::ApiOptions& limits = {}) {
        return std::make_unique<server::HttpServer>(
            options, std::make_shared<api::Api>(limits, service_.services()));
    }

    void SetUp() override { start(); }

    RawClient client() { return RawClient(server_->port()); }
    RawResponse ask(std::string_view request) { return client().exchange(request); }
    RawResponse get(std::string_view target, std::string_view headers = {}) {
        return ask(get_request(target, headers));
    }
    RawResponse post(std::string_view target, std::string_view body,
                     std::string_view headers = {}) {
        return ask(post_request(target, body, headers));
    }

    static Json json(const RawResponse& response) {
        return Json::parse(response.body, nullptr, false);
    }
    static std::string code(const RawResponse& response) {
        const auto body = json(response);
        if (!body.is_object() || !body.contains("error")) return "no problem: " + response.body;
        return body["error"]["code"];
    }

    FakeServices service_;
    std::unique_ptr<server::HttpServer> server_;
};

inline constexpr std::string_view kJob = R"({"model":"m","input":{"prompt":"hi"}})";

}  // namespace millrace::test
