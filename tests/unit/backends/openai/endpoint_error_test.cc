#include "worker/backends/openai/endpoint_error.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "worker/backends/serving/answer_class.h"
#include "worker/backends/serving/curl_handles.h"
#include "worker/backends/serving/outage.h"

namespace millrace::backends::openai {
namespace {

TEST(EndpointError, ClassesFollowTheStatus) {
    const std::vector<std::pair<long, OutcomeKind>> cases{
        {429, OutcomeKind::kRateLimited}, {503, OutcomeKind::kRateLimited},
        {529, OutcomeKind::kRateLimited}, {501, OutcomeKind::kPermanent},
        {409, OutcomeKind::kRetryable},   {500, OutcomeKind::kRetryable},
        {425, OutcomeKind::kRetryable},   {505, OutcomeKind::kPermanent},
        {301, OutcomeKind::kPermanent},   {400, OutcomeKind::kPermanent},
        {401, OutcomeKind::kPermanent},   {403, OutcomeKind::kPermanent},
        {413, OutcomeKind::kPermanent},   {422, OutcomeKind::kPermanent},
    };
    for (const auto& [status, kind] : cases) {
        const auto outcome = http_error_outcome({.status = status, .body = "oops"});
        EXPECT_EQ(outcome.kind, kind) << status;
        EXPECT_EQ(outcome.error_code, "http_" + std::to_string(status));
        EXPECT_EQ(outcome.error_message,
                  "the endpoint answered " + std::to_string(status) + ": oops");
    }
}

TEST(EndpointError, KeepsTheServersCodeAndMessage) {
    const auto outcome = http_error_outcome(
        {.status = 404,
         .body = R"({"error":{"message":"no such model","type":"x","code":"model_not_found"}})"});
    EXPECT_EQ(outcome.error_code, "model_not_found");
    EXPECT_EQ(outcome.error_message, "the endpoint answered 404: no such model");
}

// The endpoint's list had the model; otherwise no job for it would have come this far.
TEST(EndpointError, AModelThatIsBeingReloadedMayComeBack) {
    for (const auto* body :
         {R"({"error":{"message":"model \"m\" not found, try pulling it first","code":null}})",
          R"({"object":"error","message":"The model `m` does not exist.","type":"NotFoundError"})",
          R"({"error":{"message":"no such model","type":"x","code":"model_not_found"}})"}) {
        const auto outcome = http_error_outcome({.status = 404, .body = body});
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << body;
        EXPECT_EQ(outcome.error_code, "model_not_found") << body;
        EXPECT_GT(outcome.retry_after, milliseconds(5'000)) << "a survey comes first";
    }
    for (const auto* body : {R"({"detail":"Not Found"})", R"({"error":"no such route"})", "{}"}) {
        EXPECT_EQ(http_error_outcome({.status = 404, .body = body}).kind, OutcomeKind::kPermanent);
    }
}

// This is an ingress without a server behind it. Model servers use JSON to say what they lack.
TEST(EndpointError, ANotFoundFromAnIngressIsAnOutage) {
    const std::vector<std::pair<long, const char*>> cases{
        {404, "404 page not found\n"},
        {404, "default backend - 404"},
        {404, ""},
        {404, "<html><head><title>404 Not Found</title></head><body>nginx</body></html>"},
        {405, "<html><head><title>405 Not Allowed</title></head><body>nginx</body></html>"},
        {405, "Method Not Allowed"}};
    for (const auto& [status, body] : cases) {
        const auto outcome = http_error_outcome({.status = status, .body = body});
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited) << body;
        EXPECT_EQ(outcome.error_code, "endpoint_unavailable") << body;
        EXPECT_EQ(call_result(outcome, status, true), serving::pool::CallResult::kOdd) << body;
    }
    const auto refused =
        http_error_outcome({.status = 405, .body = R"({"detail":"Method Not Allowed"})"});
    EXPECT_EQ(refused.kind, OutcomeKind::kPermanent);
}

TEST(EndpointError, NamesThePlaceThatARedirectPointsTo) {
    const auto outcome = http_error_outcome(
        {.status = 308, .body = "", .location = "https://a.example/v1/chat/completions"});
    EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcome.error_message,
              "the endpoint answered 308; it is at https://a.example/v1/chat/completions");
}

TEST(EndpointError, UnderstandsTheDialects) {
    const auto code = [](std::string_view body) {
        return http_error_outcome({.status = 400, .body = body}).error_code;
    };
    const auto message = [](std::string_view body) {
        return http_error_outcome({.status = 400, .body = body}).error_message;
    };
    EXPECT_EQ(code(R"({"error":{"message":"m","type":"invalid_request_error","code":400}})"),
              "invalid_request_error");
    EXPECT_EQ(code(R"({"error":{"message":"m","code":"two words"}})"), "http_400");
    EXPECT_EQ(message(R"({"error":"plain"})"), "the endpoint answered 400: plain");
    EXPECT_EQ(message(R"({"message":"top"})"), "the endpoint answered 400: top");
    EXPECT_EQ(message(R"({"detail":"fast"})"), "the endpoint answered 400: fast");
    EXPECT_EQ(message("two\nlines"), "the endpoint answered 400: two lines");
    EXPECT_EQ(message(""), "the endpoint answered 400");
}

TEST(EndpointError, GivesATooLongPromptOneCode) {
    for (const auto* body :
         {R"({"error":{"message":"m","code":"context_length_exceeded"}})",
          R"({"error":{"message":"m","type":"exceed_context_size_error","code":400}})",
          R"({"error":{"message":"This model's maximum context length is 9 tokens","code":400}})",
          R"({"message":"This model's maximum context length is 9 tokens","type":"BadRequest"})"}) {
        const auto outcome = http_error_outcome({.status = 400, .body = body});
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << body;
        EXPECT_EQ(outcome.error_code, "context_length_exceeded") << body;
    }
}

TEST(EndpointError, RecognisesAPromptThatIsTooLongHoweverItIsWorded) {
    const std::vector<std::pair<long, const char*>> cases{
        {400,
         R"({"object":"error","message":"This model's maximum context length is 4096 )"
         R"(tokens. However, you requested 5000 tokens.","type":"BadRequestError","code":400})"},
        {400, R"({"object":"error","message":"The input (61709 tokens) is longer than the )"
              R"(model's context length (40960 tokens).","type":"BadRequestError","code":400})"},
        {422, R"({"error":"Input validation error: `inputs` tokens + `max_new_tokens` must )"
              R"(be <= 2048. Given: 3000 `inputs` tokens","error_type":"validation"})"},
        {413, R"({"error":"Input validation error: `inputs` must have less than 512 tokens. )"
              R"(Given: 600","error_type":"Validation"})"},
        {400, R"({"error":{"code":400,"message":"the request exceeds the available context )"
              R"(size, try increasing it","type":"exceed_context_size_error"}})"},
        {400, R"({"error":{"code":400,"message":"the request exceeds the available context )"
              R"(size. try increasing the context size or enable context )"
              R"(shift","type":"invalid_request_error"}})"},
        {500, R"({"error":{"code":500,"message":"input (612 tokens) is too large to process. )"
              R"(increase the physical batch size","type":"server_error"}})"},
        {400, R"({"error":{"message":"litellm.ContextWindowExceededError: )"
              R"(litellm.BadRequestError: This model's maximum context length is 4096 )"
              R"(tokens.","type":null,"param":null,"code":"400"}})"},
        {500, R"({"error":{"message":"litellm.APIError: the request exceeds the available )"
              R"(context size","type":"None","code":"500"}})"},
        {400, R"({"error":{"message":"the input length exceeds the context )"
              R"(length","type":"api_error"}})"},
        {400, R"({"error":{"message":"The decoder prompt (length 9000) is longer than the )"
              R"(maximum model length of 4096.","code":400}})"},
        {400, R"({"error":{"message":"prompt is too long: 210000 tokens > 200000 )"
              R"(maximum","type":"invalid_request_error"}})"},
        {400, R"([{"error":{"code":400,"message":"The input token count (1200000) exceeds )"
              R"(the maximum number of tokens allowed (1048575).","status":"INVALID_ARGUMENT"}}])"},
        {400, R"({"error":"Trying to keep the first 9000 tokens when context the overflows. )"
              R"(However, the model is loaded with context length of only 4096 tokens"})"},
        {400, R"({"error":{"message":"Requested tokens (5000) exceed context window of )"
              R"(4096","code":null}})"},
        {400, R"({"error":{"message":"max_tokens is too large: 5000. This model's maximum )"
              R"(context length is 4096 tokens","code":400}})"},
    };
    for (const auto& [status, body] : cases) {
        const auto outcome = http_error_outcome({.status = status, .body = body});
        EXPECT_EQ(outcome.error_code, "context_length_exceeded") << body;
        EXPECT_EQ(outcome.kind, OutcomeKind::kPermanent) << body;
    }
}

TEST(EndpointError, MistakesNothingElseForAPromptThatIsTooLong) {
    for (const auto* body :
         {R"({"error":{"message":"max_tokens is too large: 50000. This model supports at )"
          R"(most 16384 completion tokens","code":"invalid_value"}})",
          R"({"error":{"message":"'messages' is too long","code":"array_above_max_length"}})",
          R"({"error":{"message":"stop has too many entries, the limit is 4"}})",
          R"({"error":{"message":"the context of this question is unclear"}})"}) {
        EXPECT_NE(http_error_outcome({.status = 400, .body = body}).error_code,
                  "context_length_exceeded")
            << body;
    }
    // The tokens of a minute exceeded a rate.
    EXPECT_EQ(http_error_outcome({.status = 429, .body = "maximum context length"}).kind,
              OutcomeKind::kRateLimited);
}

TEST(EndpointError, AnOutageCostsNoAttempt) {
    const std::vector<std::pair<long, const char*>> cases{
        {502, "<html>\r\n<head><title>502 Bad Gateway</title></head><body>nginx</body></html>"},
        {504, "<html><head><title>504 Gateway Time-out</title></head></html>"},
        {500, R"({"error":{"message":"litellm.InternalServerError: InternalServerError: )"
              R"(OpenAIException - Connection error.","type":null,"param":null,"code":"500"}})"},
        {503,
         "upstream connect error or disconnect/reset before headers. reset reason: connection "
         "failure"},
        {500, "upstream connect error or disconnect/reset before headers"},
        {500, R"({"error":{"message":"[Errno 111] Connection refused","code":null}})"},
        {500, R"({"detail":"httpx.ConnectError: All connection attempts failed"})"},
        {500, R"({"error":{"message":"EngineDeadError: see above","code":500}})"},
        {520, ""},
        {522, "error code: 522"},
        {524, "error code: 524"},
        {408, R"({"error":{"code":"Timeout","message":"The operation was timeout."}})"},
        {500, R"({"error":{"message":"model runner has unexpectedly stopped, this may be due to )"
              R"(resource limitations","type":"api_error"}})"},
        {503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})"},
        {429, R"({"error":"Model is overloaded","error_type":"overloaded"})"},
        {500, R"({"object":"error","message":"EngineCore encountered an issue. See stack trace )"
              R"((above) for the root cause.","type":"EngineDeadError","code":500})"},
        {500, R"({"error":{"message":"slow down","code":"429"}})"},
        {529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"},
    };
    for (const auto& [status, body] : cases) {
        const auto outcome = http_error_outcome({.status = status, .body = body});
        EXPECT_EQ(outcome.kind, OutcomeKind::kRateLimited) << status << " " << body;
    }
    EXPECT_EQ(http_error_outcome({.status = 502, .body = cases.front().second}).error_message,
              "the endpoint answered 502: 502 Bad Gateway");
}

// A slow job behind a gateway gets this each time.
TEST(EndpointError, AGatewayThatGaveUpWaitingCountsAsAFailure) {
    for (const long status : {408, 504, 524}) {
        const auto after = [&](milliseconds took) {
            return http_error_outcome({.status = status, .took = took});
        };
        EXPECT_TRUE(is_outage(after(serving::kGatewayPatienceMin - milliseconds(1)))) << status;
        EXPECT_EQ(after(serving::kGatewayPatienceMin).kind, OutcomeKind::kRetryable) << status;
        EXPECT_EQ(after(serving::kGatewayPatienceMin).error_code, fmt::format("http_{}", status));
        EXPECT_EQ(call_result(after(serving::kGatewayPatienceMin), status, true),
                  serving::pool::CallResult::kOdd);
    }
    EXPECT_TRUE(
        is_outage(http_error_outcome({.status = 502, .took = serving::kGatewayPatienceMin})));
    // The same inside an answer that has begun.
    for (const nlohmann::json& code : {nlohmann::json(504), nlohmann::json("524")}) {
        const nlohmann::json error{{"message", "TimeoutError"}, {"code", code}};
        EXPECT_TRUE(is_outage(error_object_outcome(error)));
        EXPECT_EQ(error_object_outcome(error, serving::kGatewayPatienceMin).kind,
                  OutcomeKind::kRetryable);
    }
    EXPECT_FALSE(is_outage(http_error_outcome({.status = 429})));
}

TEST(EndpointError, AnOutageIsRecognisedByGosWordsToo) {
    for (const auto* message :
         {R"(Post "http://10.0.0.1:8000/v1": dial tcp 10.0.0.1:8000: connect: connection refused)",
          R"(do request failed: Post "https://llm/v1": dial tcp: lookup llm: no such host)",
          R"(Get "http://llm": read tcp 10.0.0.2:4->10.0.0.1:80: read: connection reset by peer)",
          "read tcp 10.0.0.2:4->10.0.0.1:80: read: connection reset by peer",
          R"(POST predict: Post "http://127.0.0.1:35943/completion": dial tcp 127.0.0.1:35943: )"
          "connect: connection refused",
          R"(do embedding request: Post "http://127.0.0.1:3/embedding": dial tcp 127.0.0.1:3)",
          R"(rpc error: code = Unavailable desc = connection error: desc = "transport: Error")",
          "could not load model: rpc error: code = Unavailable desc = error reading: EOF",
          "llama-server process has terminated: exit status 1: error loading model",
          "proxy error: Failed to read connection", "proxy error: Could not establish connection",
          "Background loop is stopped.", "Open WebUI: Server Connection Error"}) {
        const auto text = nlohmann::json{{"error", {{"message", message}}}}.dump();
        EXPECT_TRUE(is_outage(http_error_outcome({.status = 500, .body = text}))) << message;
    }
}

// Servers repeat parts of the request in their errors. A job that mentions outages is not one.
TEST(EndpointError, AnOutageIsReportedInTheServersOwnWords) {
    for (const auto* message :
         {"cannot read the prompt: 'Connection error.'", "bad tool call: upstream connect error",
          "could not load model: 'dial tcp' is no model", "POST predict: no dial tcp",
          "rpc error: code = InvalidArgument desc = rpc error: code = Unavailable",
          "proxy error: bad prompt", R"(Post "dial tcp": no such tool)",
          R"(Post "http://a b": dial tcp)", R"(Post "http://a": the tool said: dial tcp)",
          R"(Post "http://a dial tcp)", R"(post office "http://a": dial tcp)",
          "do request failed: no field dial tcp", "'connection refused' is no valid role",
          "no template for: loading model", "ValueError: prompt 'connection error' has no tokens",
          "litellm.APIError: OpenAIException - the text \"no healthy upstream\" is refused",
          "Error in template: EngineDeadError", "litellm.APIConnectionError: max_output_tokens"}) {
        const nlohmann::json body{{"error", {{"message", message}}}};
        const auto text = body.dump();
        const auto outcome = http_error_outcome({.status = 500, .body = text});
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << message;
        EXPECT_EQ(error_object_outcome(body["error"]).kind, OutcomeKind::kRetryable) << message;
    }
}

TEST(EndpointError, SaysWhatACallRevealsAboutItsEndpoint) {
    const auto result = [](long status, const char* body = "") {
        return call_result(http_error_outcome({.status = status, .body = body}), status, true);
    };
    for (const long status : {400, 403, 404, 422, 501}) {
        EXPECT_EQ(result(status, "{}"), serving::pool::CallResult::kAnswered) << status;
    }
    EXPECT_EQ(result(401), serving::pool::CallResult::kFailed);
    for (const long status : {429, 503, 529})
        EXPECT_EQ(result(status), serving::pool::CallResult::kRefused);
    for (const long status : {502, 504, 522})
        EXPECT_EQ(result(status), serving::pool::CallResult::kFailed);
    EXPECT_EQ(result(500), serving::pool::CallResult::kOdd);
    // An error that only its text identifies may concern one job: it opens no breaker.
    EXPECT_EQ(result(500, R"({"error":{"message":"Connection error."}})"),
              serving::pool::CallResult::kOdd);
    EXPECT_EQ(call_result(page_instead("<html>"), 200, true), serving::pool::CallResult::kOdd);
    EXPECT_EQ(call_result(invalid_response("x"), 200, true), serving::pool::CallResult::kOdd);
    EXPECT_EQ(call_result(stream_truncated(), 200, true), serving::pool::CallResult::kOdd);
    EXPECT_EQ(call_result(endpoint_stalled("e", milliseconds(1)), 200, true),
              serving::pool::CallResult::kFailed);
    EXPECT_EQ(call_result(endpoint_unreachable("e", "x"), 0, false),
              serving::pool::CallResult::kUnreachable);
}

TEST(EndpointError, FindsTheErrorWhereverItIs) {
    const auto of = [](long status, std::string_view body) {
        const auto outcome = http_error_outcome({.status = status, .body = body});
        return outcome.error_code + " " + outcome.error_message;
    };
    EXPECT_EQ(of(400, R"({"error":{"message":"m","type":"BadRequestError","code":"400"}})"),
              "bad_request_error the endpoint answered 400: m");
    EXPECT_EQ(of(429, R"({"error":{"message":"m","type":"None","param":"None","code":"429"}})"),
              "http_429 the endpoint answered 429: m");
    EXPECT_EQ(of(400, R"([{"error":{"message":"m","status":"INVALID_ARGUMENT","code":400}}])"),
              "invalid_argument the endpoint answered 400: m");
    EXPECT_EQ(of(422, R"({"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]})"),
              "missing the endpoint answered 422: field required");
    EXPECT_EQ(of(400, R"({"error":{"error":{"message":"inner","code":"deep"}}})"),
              "deep the endpoint answered 400: inner");
    EXPECT_EQ(of(400, R"({"error":["first","second"]})"),
              "http_400 the endpoint answered 400: first");
    EXPECT_EQ(of(400, R"({"error":null,"message":"top"})"),
              "http_400 the endpoint answered 400: top");
    EXPECT_EQ(of(404, "[]"), "http_404 the endpoint answered 404");
    EXPECT_EQ(of(403, "<html><TITLE>403 Forbidden</TITLE>"),
              "http_403 the endpoint answered 403: 403 Forbidden");
}

TEST(EndpointError, UsesTheStatusInTheBodyIfTheFirstLineSaysNothing) {
    EXPECT_EQ(
        http_error_outcome({.status = 500, .body = R"({"error":{"message":"m","code":"400"}})"})
            .kind,
        OutcomeKind::kPermanent);
    EXPECT_EQ(
        http_error_outcome({.status = 400, .body = R"({"error":{"message":"m","code":"500"}})"})
            .kind,
        OutcomeKind::kPermanent);
}

TEST(EndpointError, ARequestThatCannotSucceedIsNotTriedAgain) {
    const HttpError never{
        .status = 429,
        .body = R"({"error":{"message":"Request too large for m. Limit 30000, Requested 40000. )"
                R"(The input or output tokens must be reduced in order to run )"
                R"(successfully.","code":"rate_limit_exceeded"}})"};
    EXPECT_EQ(http_error_outcome(never).kind, OutcomeKind::kPermanent);
    EXPECT_EQ(http_error_outcome({.status = 500, .should_retry = false}).kind,
              OutcomeKind::kPermanent);
    EXPECT_EQ(http_error_outcome({.status = 503, .should_retry = false}).kind,
              OutcomeKind::kRateLimited);
}

TEST(RetryAfter, IsReadInEveryForm) {
    const std::int64_t now = 1'445'412'480;  // Wed, 21 Oct 2015 07:28:00 GMT
    EXPECT_EQ(serving::parse_retry_after("7", now), milliseconds(7000));
    EXPECT_EQ(serving::parse_retry_after("0.5", now), milliseconds(500));
    EXPECT_EQ(serving::parse_retry_after("Wed, 21 Oct 2015 07:28:30 GMT", now),
              milliseconds(30'000));
    EXPECT_EQ(serving::parse_retry_after("99999999999", now), std::chrono::hours(24));
    for (const auto* text : {"", "0", "-5", "soon", "nan", "Wed, 21 Oct 2015 07:27:00 GMT"}) {
        EXPECT_FALSE(serving::parse_retry_after(text, now)) << text;
    }
}

TEST(EndpointError, KeepsRetryAfterOnlyIfItApplies) {
    const HttpError busy{.status = 429, .retry_after = milliseconds(1500)};
    EXPECT_EQ(http_error_outcome(busy).retry_after, milliseconds(1500));
    const HttpError broken{.status = 500, .retry_after = milliseconds(1500)};
    EXPECT_FALSE(http_error_outcome(broken).retry_after);
}

TEST(EndpointError, ShortensLongMessages) {
    const std::string body(10'000, 'x');
    EXPECT_LT(http_error_outcome({.status = 500, .body = body}).error_message.size(), 600U);
}

TEST(EndpointError, SurvivesTextThatIsNestedTooDeeply) {
    const auto body = R"({"error":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
    const auto outcome = http_error_outcome({.status = 500, .body = body});
    EXPECT_EQ(outcome.error_code, "http_500");
    EXPECT_LT(outcome.error_message.size(), 600U);
}

}  // namespace
}  // namespace millrace::backends::openai
