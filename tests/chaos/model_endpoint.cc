#include "tests/chaos/model_endpoint.h"

#include <fmt/format.h>

namespace millrace::chaos {

ModelEndpoint::ModelEndpoint()
    : server_([this](test::Exchange& exchange) {
          if (ill_) {
              return exchange.reply(503, "application/json", R"({"error":{"message":"ill"}})",
                                    "Retry-After: 1\r\n");
          }
          exchange.begin_stream();
          exchange.event(R"({"choices":[{"index":0,"text":"once","finish_reason":"stop"}]})");
          exchange.event("[DONE]");
          exchange.end_stream();
      }) {}

test::Settings ModelEndpoint::settings() const {
    return {{"backend.openai.models", kModel},
            {"backend.openai.url",
             fmt::format("{}/v1,http://127.0.0.1:{}/v1", server_.url(), dead_.port())}};
}

}  // namespace millrace::chaos
