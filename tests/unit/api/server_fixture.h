// A server on a free port in front of a fake service.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "producer/api/http_server.h"
#include "tests/unit/api/fake_job_service.h"
#include "tests/unit/api/raw_client.h"

namespace millrace::test {

class ServerTest : public testing::Test {
 protected:
    using Json = nlohmann::json;

    // Starts it again with these options on a free port.
    void start(api::ApiOptions options = {}) {
        server_.reset();
        options.port = 0;
        server_ = std::make_unique<api::HttpServer>(options, service_);
        const auto status = server_->start();
        ASSERT_TRUE(status.has_value()) << status.error().message;
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

    FakeJobService service_;
    std::unique_ptr<api::HttpServer> server_;
};

inline constexpr std::string_view kJob = R"({"model":"m","input":{"prompt":"hi"}})";

}  // namespace millrace::test
