#include "worker/backends/oip/server_error.h"

#include <gtest/gtest.h>

#include "worker/backends/serving/answer_class.h"
#include "worker/backends/serving/outage.h"

namespace millrace::backends::oip {
namespace {

using serving::pool::CallResult;

struct ErrorCase {
    long status;
    std::string_view body;
    Fault fault;
    OutcomeKind kind;
    std::string_view code;
};

// The bodies are those of Triton 2.51 and MLServer 1.7.1.
TEST(ServerError, SaysWhoIsAtFault) {
    const std::vector<ErrorCase> cases{
        {503, R"({"error":"Exceeds maximum queue size"})", Fault::kCapacity,
         OutcomeKind::kRateLimited, "server_busy"},
        {429, "", Fault::kCapacity, OutcomeKind::kRateLimited, "server_busy"},
        {500, R"({"error":"in ensemble 'e', Exceeds maximum queue size"})", Fault::kCapacity,
         OutcomeKind::kRateLimited, "server_busy"},
        {400, R"({"error":"[request id: <id_unknown>] inference input 'x' data-type is 'FP64'"})",
         Fault::kRequest, OutcomeKind::kPermanent, "http_400"},
        {422, R"({"detail":[{"msg":"Input should be a valid dictionary"}]})", Fault::kRequest,
         OutcomeKind::kPermanent, "http_422"},
        {401, "", Fault::kRequest, OutcomeKind::kPermanent, "http_401"},
        {501, "", Fault::kRequest, OutcomeKind::kPermanent, "http_501"},
        {409, "", Fault::kServer, OutcomeKind::kRetryable, "http_409"},
        {425, "", Fault::kServer, OutcomeKind::kRetryable, "http_425"},
        {500, R"({"error":"Unable to parse 'data': Shape does not match true shape"})",
         Fault::kRequest, OutcomeKind::kPermanent, "http_500"},
        {500, R"({"error":"failed to parse the request JSON buffer: Invalid value. at 3"})",
         Fault::kRequest, OutcomeKind::kPermanent, "http_500"},
        {500,
         R"({"error":"Failed to process the request(s) for model 'm_0_0', message: ValueError"})",
         Fault::kModel, OutcomeKind::kRetryable, "model_error"},
        {500, "Internal Server Error", Fault::kModel, OutcomeKind::kRetryable, "model_error"},
        {500, R"({"error":"Stub process 'm_0_0' is not healthy."})", Fault::kServer,
         OutcomeKind::kRetryable, "server_unhealthy"},
        {500, R"({"error":"RuntimeError: CUDA error: an illegal memory access was encountered"})",
         Fault::kServer, OutcomeKind::kRetryable, "server_unhealthy"},
        {404, R"({"error":"Request for unknown model: 'm' has no available versions"})",
         Fault::kServer, OutcomeKind::kRetryable, "model_unavailable"},
        // Until 2.40, Triton answers this way to everything that goes wrong.
        {400, R"({"error":"Request for unknown model: 'm' version 1 is not at ready state"})",
         Fault::kServer, OutcomeKind::kRetryable, "model_unavailable"},
        {400, R"({"error":"Request for unknown model: 'm' has no available versions"})",
         Fault::kServer, OutcomeKind::kRetryable, "model_unavailable"},
        {400,
         R"({"error":"Server is stopping, scheduler for model has stopped accepting new )"
         R"(inference requests"})",
         Fault::kServer, OutcomeKind::kRetryable, "model_unavailable"},
        {400, R"({"error":"Exceeds maximum queue size"})", Fault::kCapacity,
         OutcomeKind::kRateLimited, "server_busy"},
        {400, R"({"error":"Stub process 'm_0_0' is not healthy."})", Fault::kServer,
         OutcomeKind::kRetryable, "server_unhealthy"},
        {400, R"({"error":"unexpected shape for input 'x' for model 'm'"})", Fault::kRequest,
         OutcomeKind::kPermanent, "http_400"},
        {507, "", Fault::kServer, OutcomeKind::kRetryable, "http_507"},
        {502, "<html>Bad Gateway</html>", Fault::kServer, OutcomeKind::kRateLimited,
         "server_unavailable"},
        {504, "", Fault::kServer, OutcomeKind::kRateLimited, "server_unavailable"},
        {408, "", Fault::kServer, OutcomeKind::kRateLimited, "server_unavailable"},
    };
    for (const auto& each : cases) {
        const auto error = classify({.status = each.status, .body = each.body});
        EXPECT_EQ(error.fault, each.fault) << each.status << each.body;
        EXPECT_EQ(error.outcome.kind, each.kind) << each.status << each.body;
        EXPECT_EQ(error.outcome.error_code, each.code) << each.status << each.body;
    }
}

TEST(ServerError, SaysWhatItMeansForTheServer) {
    EXPECT_EQ(
        classify({.status = 500, .body = R"({"error":"Stub process 'm' is not healthy."})"}).result,
        CallResult::kDead);
    EXPECT_EQ(classify({.status = 404}).result, CallResult::kDead);
    EXPECT_EQ(unreachable("refused").result, CallResult::kDead);
    EXPECT_EQ(classify({.status = 503}).result, CallResult::kRefused);
    EXPECT_EQ(classify({.status = 400}).result, CallResult::kAnswered);
    EXPECT_EQ(classify({.status = 401}).result, CallResult::kFailed) << "concerns every job";
    EXPECT_EQ(classify({.status = 500}).result, CallResult::kOdd);
    EXPECT_EQ(classify({.status = 502}).result, CallResult::kFailed);
    EXPECT_EQ(invalid_response("").result, CallResult::kFailed);
    EXPECT_EQ(timed_out(milliseconds(5)).result, CallResult::kFailed);
    EXPECT_EQ(connection_lost("").result, CallResult::kFailed);
}

TEST(ServerError, TellsOutagesFromFailures) {
    EXPECT_FALSE(classify({.status = 404}).was_run);
    EXPECT_FALSE(
        classify({.status = 400, .body = R"({"error":"Request for unknown model: 'm'"})"}).was_run);
    EXPECT_FALSE(unreachable("refused").was_run);
    EXPECT_TRUE(classify({.status = 502}).was_run);
    EXPECT_TRUE(classify({.status = 502}).is_outage);
    EXPECT_FALSE(classify({.status = 507}).is_outage);
    EXPECT_FALSE(classify({.status = 504}).gave_up_waiting);
    EXPECT_TRUE(classify({.status = 504, .took = serving::kGatewayPatienceMin}).gave_up_waiting);
    EXPECT_FALSE(page_instead("{}"));
    EXPECT_TRUE(page_instead("\n<!doctype html>")->is_outage);
}

TEST(ServerError, KeepsWhatTheServerSaid) {
    const auto message = [](long status, std::string_view body) {
        return classify({.status = status, .body = body}).outcome.error_message;
    };
    EXPECT_EQ(message(500, "{\"error\":\"ValueError: unlucky\\n\\nAt:\\n  model.py\"}"),
              "the server answered 500: ValueError: unlucky  At:   model.py");
    EXPECT_EQ(message(500, "Traceback (most recent call last):\n  File x\nValueError: unlucky\n"),
              "the server answered 500: ValueError: unlucky");
    EXPECT_EQ(message(502, ""), "the server answered 502");
    EXPECT_LT(message(400, std::string(100'000, 'x')).size(), 600U);
    EXPECT_EQ(classify({.status = 503, .retry_after = milliseconds(7)}).outcome.retry_after,
              milliseconds(7));
    EXPECT_EQ(classify({.status = 502, .retry_after = milliseconds(7)}).outcome.retry_after,
              milliseconds(7));
    EXPECT_EQ(message(502, "<html><title>Back soon</title><body>…</body></html>"),
              "the server answered 502: Back soon");
}

TEST(ServerError, FindsAnErrorInsideASuccess) {
    const auto error = error_inside(R"({"error":"Stub process 'm' is not healthy."})");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->outcome.error_code, "server_unhealthy");
    EXPECT_EQ(error_inside(R"({"error":"oom"})")->fault, Fault::kModel);
    EXPECT_FALSE(error_inside(R"({"outputs":[],"error":"none"})"));
    EXPECT_FALSE(error_inside("{\"outputs\":[]}\x01\x02"));
}

// The jobs of a batch do not pay for a slow one among them; alone, the slow one fails.
TEST(ServerError, AJobThatIsTooSlowForAGatewayFailsAlone) {
    const auto at_once = classify({.status = 504});
    EXPECT_FALSE(failure_of(at_once, 1));
    const auto late = classify({.status = 504, .took = serving::kGatewayPatienceMin});
    EXPECT_FALSE(failure_of(late, 2));
    ASSERT_TRUE(failure_of(late, 1));
    EXPECT_EQ(failure_of(late, 1)->kind, OutcomeKind::kRetryable);
    EXPECT_FALSE(failure_of(classify({.status = 502, .took = serving::kGatewayPatienceMin}), 1));
    EXPECT_EQ(failure_of(classify({.status = 507}), 2)->error_code, "http_507");
}

TEST(ServerError, SurvivesTextThatIsNestedTooDeeply) {
    const auto body = R"({"error":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
    EXPECT_FALSE(error_inside(body));
    const auto error = classify({.status = 500, .body = body});
    EXPECT_EQ(error.outcome.error_code, "model_error");
    EXPECT_LT(error.outcome.error_message.size(), 600U);
}

}  // namespace
}  // namespace millrace::backends::oip
