// The oip backend on servers that behave like real ones: the same jobs, whatever format the server
// writes.
#include <atomic>
#include <cmath>

#include "tests/integration/backends/oip_fake.h"

namespace millrace::backends {
namespace {

using nlohmann::json;

// How a server describes itself, its results and its errors.
struct Manners {
    std::string name;
    bool binary = false;
    std::string server;  // GET /v2
    std::string model;   // GET /v2/models/m
    std::string config;  // Empty: no configuration.
    std::string head;    // An answer up to its outputs.
    std::string nan;     // How NaN is written in JSON.
    bool names_outputs_last = false;
    std::string model_error;  // The body of a 500.
    std::string bad_request;  // The body of a 400.
    std::string not_there;    // The body of other 404s.
};

constexpr auto kTensors = R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],
    "outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]}])";

std::vector<Manners> all_manners() {
    const auto model = [](const std::string& more) {
        return fmt::format(R"({{"name":"m",{},{}}})", more, kTensors);
    };
    const Manners triton{
        .name = "Triton",
        .binary = true,
        .server = R"({"name":"triton","version":"2.51.0","extensions":["classification",
            "model_repository","schedule_policy","model_configuration","binary_tensor_data"]})",
        .model = model(R"("versions":["1"],"platform":"onnxruntime_onnx")"),
        .config = R"({"name":"m","max_batch_size":8,"input":[{"name":"x"}]})",
        .head = R"({"id":"1","model_name":"m","model_version":"1",)",
        .nan = "NaN",
        .model_error =
            R"({"error":"Failed to process the request(s) for model 'm_0_0', message: \u0000"})",
        .bad_request =
            R"({"error":"[request id: 1] unexpected shape for input 'x' for model 'm'"})",
        .not_there = R"({"error":"Not Found"})"};
    auto triton_json = triton;
    triton_json.name = "TritonWithoutBinaryTensors";
    triton_json.binary = false;
    triton_json.server = R"({"name":"triton","extensions":["model_configuration"]})";
    return {
        triton,
        triton_json,
        {.name = "MLServer",
         .server = R"({"name":"mlserver","version":"1.6.1","extensions":[]})",
         .model = model(R"("versions":[],"platform":"","parameters":{})"),
         .config = "",
         .head = R"({"model_name":"m","model_version":"v1","id":"4f7a","parameters":{},)",
         .nan = "null",
         .model_error = R"({"error":"builtins.ValueError: x"})",
         .bad_request = R"({"error":"Invalid input shape"})",
         .not_there = R"({"detail":"Not Found"})"},
        {.name = "TorchServe",
         .server =
             R"({"name":"kserve","version":"0.11","extensions":["model_repository_extension"]})",
         .model = model(R"("versions":null,"platform":"")"),
         .config = "",
         .head = R"({"id":"d3b15cad","model_name":"m","model_version":null,"parameters":null,)",
         .nan = "NaN",
         .names_outputs_last = true,
         .model_error =
             R"({"code":500,"type":"InternalServerException","message":"Prediction failed"})",
         .bad_request = R"({"detail":[{"loc":["body","inputs"],"msg":"field required"}]})",
         .not_there = R"({"code":404,"type":"ResourceNotFoundException","message":"not found"})"},
        {.name = "KServe",
         .server = R"({"name":"kserve","version":"0.13.0","extensions":[]})",
         .model = model(R"("versions":["1"],"platform":"")"),
         .config = "",
         .head = R"({"model_name":"m","model_version":null,"id":"x","parameters":null,)",
         .nan = "NaN",
         .model_error = R"({"error":"ValueError : x"})",
         .bad_request = R"({"error":"Missing input \"x\""})",
         .not_there = R"({"error":"Model with name m does not exist."})"},
    };
}

class OipManners : public Oip, public testing::WithParamInterface<Manners> {
 protected:
    using Respond = std::function<void(test::Exchange&, const Infer&)>;

    void start_with_manners(Respond respond) {
        const auto& manners = GetParam();
        server_ = std::make_unique<test::FakeServer>([&manners, respond](test::Exchange& exchange) {
            const auto target = exchange.target();
            const auto reply = [&](int status, const std::string& body) {
                exchange.reply(status, "application/json", body);
            };
            if (target == "GET /v2") return reply(200, manners.server);
            if (target == "GET /v2/models/m") return reply(200, manners.model);
            if (target == "GET /v2/models/m/config" && !manners.config.empty()) {
                return reply(200, manners.config);
            }
            if (target != "POST /v2/models/m/infer") return reply(404, manners.not_there);
            respond(exchange, read_infer(exchange));
        });
        start({.base_urls = {server_->url()}, .models = {"m"}});
    }

    // Sends an answer with these rows of y, in this server's format.
    static void answer_rows(test::Exchange& exchange, const std::vector<float>& y) {
        const auto& manners = GetParam();
        const auto shape = fmt::format("[{},2]", y.size() / 2);
        const auto plain = fmt::format(R"("name":"y","datatype":"FP32","shape":{})", shape);
        if (manners.binary) {
            std::string bytes(y.size() * sizeof(float), '\0');
            std::memcpy(bytes.data(), y.data(), bytes.size());
            const auto head =
                fmt::format(R"({}"outputs":[{{{},"parameters":{{"binary_data_size":{}}}}}]}})",
                            manners.head, plain, bytes.size());
            return exchange.reply(
                200, "application/octet-stream", head + bytes,
                fmt::format("Inference-Header-Content-Length: {}\r\n", head.size()));
        }
        std::string data;
        for (const auto value : y) {
            data += (data.empty() ? "" : ",") +
                    (std::isnan(value) ? manners.nan : fmt::format("{}", value));
        }
        const auto output =
            manners.names_outputs_last
                ? fmt::format(R"({{"data":[{}],"parameters":null,{}}})", data, plain)
                : fmt::format(R"({{{},"data":[{}]}})", plain, data);
        exchange.reply(200, "application/json",
                       fmt::format(R"({}"outputs":[{}]}})", manners.head, output));
    }
    static void answer_right(test::Exchange& exchange, const Infer& infer) {
        auto y = infer.x;
        for (auto& value : y) value = value == 7 ? std::nanf("") : 2 * value;
        answer_rows(exchange, y);
    }
};

TEST_P(OipManners, EachJobGetsItsRows) {
    start_with_manners(answer_right);
    const auto outcomes = outcomes_of({row({1, 2}), row({3, 4}), row({5, 6})});
    EXPECT_EQ(data_of(outcomes[0]), json({2, 4}));
    EXPECT_EQ(data_of(outcomes[1]), json({6, 8}));
    EXPECT_EQ(data_of(outcomes[2]), json({10, 12}));
}

TEST_P(OipManners, NanIsWrittenAsAWord) {
    start_with_manners(answer_right);
    EXPECT_EQ(data_of(outcome_of(row({7, 1}))), json({"NaN", 2}));
}

TEST_P(OipManners, OnlyTheJobAtFaultFails) {
    start_with_manners([](test::Exchange& exchange, const Infer& infer) {
        if (infer.has(13)) return exchange.reply(500, "application/json", GetParam().model_error);
        if (infer.has(14)) return exchange.reply(400, "application/json", GetParam().bad_request);
        answer_right(exchange, infer);
    });
    const auto outcomes = outcomes_of({row({1, 2}), row({13, 0}), row({14, 0}), row({3, 4})});
    EXPECT_EQ(data_of(outcomes[0]), json({2, 4}));
    EXPECT_EQ(outcomes[1].kind, OutcomeKind::kRetryable);
    EXPECT_EQ(outcomes[1].error_code, "model_error");
    EXPECT_EQ(outcomes[2].kind, OutcomeKind::kPermanent);
    EXPECT_EQ(outcomes[2].error_code, "http_400");
    EXPECT_EQ(data_of(outcomes[3]), json({6, 8}));
}

// A wrong result is worse than a failure, so an incomplete answer completes nothing.
TEST_P(OipManners, AnInvalidAnswerGivesNoResult) {
    const auto& head = GetParam().head;
    const std::vector<std::string> bodies{
        "",
        "null",
        "[]",
        "{}",
        head + R"("outputs":[]})",
        head + R"("outputs":null})",
        head + R"("outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[1]}]})",
        head + R"("outputs":[{"name":"y","datatype":"FP32","shape":[2,2],"data":[1,2]}]})",
        head + R"("outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[1,2]})",
        R"({"error":"CUDA out of memory"})",
        R"({"error":{"code":500,"message":"x","details":[]}})",
        R"({"detail":"Internal Server Error"})"};
    std::atomic<std::size_t> turn{0};
    // A right answer in between keeps the server from being doubted.
    start_with_manners([&](test::Exchange& exchange, const Infer& infer) {
        const auto now = turn++;
        if (now % 2 == 1) return answer_right(exchange, infer);
        exchange.reply(200, "application/json", bodies[now / 2]);
    });
    for (const auto& body : bodies) {
        const auto outcome = outcome_of(row({1, 2}));
        EXPECT_EQ(outcome.kind, OutcomeKind::kRetryable) << body << outcome.output_json;
        EXPECT_EQ(data_of(outcome_of(row({1, 2}))), json({2, 4}));
    }
}

TEST_P(OipManners, MissingRowsMakeABatchsAnswerInvalid) {
    start_with_manners([](test::Exchange& exchange, const Infer& infer) {
        if (infer.rows() == 1) return answer_right(exchange, infer);
        auto y = infer.x;
        y.resize(y.size() - 2);
        answer_rows(exchange, y);
    });
    const auto outcomes = outcomes_of({row({1, 2}), row({3, 4}), row({5, 6})});
    EXPECT_EQ(data_of(outcomes[0]), json({2, 4}));
    EXPECT_EQ(data_of(outcomes[1]), json({6, 8}));
    EXPECT_EQ(data_of(outcomes[2]), json({10, 12}));
}

TEST_P(OipManners, ARequestedOutputIsPresentOrTheAnswerFails) {
    start_with_manners(answer_right);
    EXPECT_EQ(data_of(outcome_of(row({1, 2}, R"(,"outputs":[{"name":"y"}])"))), json({2, 4}));
    const auto outcome = outcome_of(row({1, 2}, R"(,"outputs":[{"name":"z"}])"));
    EXPECT_EQ(outcome.error_code, "invalid_input");
}

INSTANTIATE_TEST_SUITE_P(Servers, OipManners, testing::ValuesIn(all_manners()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace millrace::backends
