#include "worker/backends/openai/endpoint.h"

#include <gtest/gtest.h>

#include "worker/backends/openai/queue_watch.h"

namespace millrace::backends::openai {
namespace {

TEST(BaseUrl, IsNormalised) {
    EXPECT_EQ(*normal_base_url("http://127.0.0.1:8000"), "http://127.0.0.1:8000/v1");
    EXPECT_EQ(*normal_base_url("http://127.0.0.1:8000/"), "http://127.0.0.1:8000/v1");
    EXPECT_EQ(*normal_base_url("https://a.example/v1/"), "https://a.example/v1");
    EXPECT_EQ(*normal_base_url("https://a.example/openai/v1"), "https://a.example/openai/v1");
    EXPECT_EQ(*normal_base_url("http://[::1]:8000"), "http://[::1]:8000/v1");
}

TEST(BaseUrl, OfARouteIsRefusedWithItsBase) {
    const auto url = normal_base_url("https://a.example/v1/chat/completions");
    ASSERT_FALSE(url.has_value());
    EXPECT_NE(url.error().message.find("https://a.example/v1"), std::string::npos)
        << url.error().message;
}

TEST(ModelList, IsReadFromTheAnswer) {
    const auto models = parse_model_list(
        R"({"object":"list","data":[{"id":"a","owned_by":"vllm"},{"id":"b","owned_by":null}]})");
    ASSERT_TRUE(models.has_value());
    EXPECT_EQ(*models, (std::vector<ServedModel>{{"a", "vllm"}, {"b", ""}}));
    for (const auto* body :
         {R"([{"id":"a","object":"model"}])",
          R"({"data":[1,{"object":"model"},{"id":null},{"id":""},{"id":"a"}]})"}) {
        const auto found = parse_model_list(body);
        ASSERT_TRUE(found.has_value()) << body;
        EXPECT_EQ(*found, (std::vector<ServedModel>{{"a", ""}})) << body;
    }
    EXPECT_TRUE(parse_model_list("[]").value().empty());
    for (const auto* name : {"\\ud800", "\xE9"}) {
        const auto found =
            parse_model_list(R"([{"id":")" + std::string(name) + R"("},{"id":"a"}])");
        ASSERT_TRUE(found.has_value()) << name;
        EXPECT_EQ(found->back(), (ServedModel{"a", ""})) << name;
    }
    for (const auto* body :
         {"", "5", "{}", R"({"data":5})", R"({"data":[{}]})", R"({"data":[1]})"}) {
        EXPECT_FALSE(parse_model_list(body).has_value()) << body;
    }
}

TEST(Slots, AreReadFromTheAnswer) {
    EXPECT_EQ(parse_slots(R"({"total_slots":4})"), 4U);
    for (const auto* body : {"", "[]", "{}", R"({"total_slots":0})", R"({"total_slots":-1})",
                             R"({"total_slots":"4"})", R"({"total_slots":1000000})"}) {
        EXPECT_FALSE(parse_slots(body)) << body;
    }
}

TEST(Metrics, AreReadByName) {
    const auto* text =
        "# HELP vllm:num_requests_waiting Number of requests waiting.\n"
        "vllm:num_requests_waiting_by_reason{reason=\"capacity\"} 9\n"
        "vllm:num_requests_waiting{model=\"a {b} c\"} 2.0\n"
        "vllm:num_requests_waiting{model=\"d\"} 1\n"
        "llamacpp:requests_deferred 4\n";
    EXPECT_EQ(metric_in(text, "vllm:num_requests_waiting"), 3);
    EXPECT_EQ(metric_in(text, "llamacpp:requests_deferred"), 4);
    EXPECT_FALSE(metric_in(text, "tgi_queue_size"));
    EXPECT_FALSE(metric_in("", "tgi_queue_size"));
    EXPECT_FALSE(metric_in("tgi_queue_size NaN\n", "tgi_queue_size"));
}

TEST(EndpointSetting, IsAUrlWithTheDefaults) {
    const auto endpoint =
        parse_endpoint("http://gpu-1:8000", {.slots = 12, .models = {"chat=org/model"}});
    ASSERT_TRUE(endpoint.has_value());
    EXPECT_EQ(endpoint->name, "gpu-1:8000");
    EXPECT_EQ(endpoint->base_url, "http://gpu-1:8000/v1");
    EXPECT_EQ(endpoint->capacity.order, 1);
    EXPECT_EQ(endpoint->capacity.slots, 12U);
    EXPECT_EQ(endpoint->capacity.tokens, 0);
    EXPECT_FALSE(endpoint->has_slots);
    EXPECT_EQ(endpoint->profile, nullptr);
    EXPECT_EQ(endpoint->models, (serving::ModelNames{{"chat", "org/model"}}));
}

TEST(EndpointSetting, MayHaveOptions) {
    const auto endpoint = parse_endpoint(
        "https://api.example/v1;order=2;slots=4;tokens=9000;name=cloud;profile=cloud;"
        "models=chat=big|embed",
        {.profile = "vllm", .models = {"other"}});
    ASSERT_TRUE(endpoint.has_value()) << endpoint.error().message;
    EXPECT_EQ(endpoint->name, "cloud");
    EXPECT_EQ(endpoint->capacity.order, 2);
    EXPECT_EQ(endpoint->capacity.slots, 4U);
    EXPECT_TRUE(endpoint->has_slots);
    EXPECT_EQ(endpoint->capacity.tokens, 9000);
    EXPECT_EQ(endpoint->profile->name, "cloud");
    EXPECT_EQ(endpoint->models, (serving::ModelNames{{"chat", "big"}, {"embed", "embed"}}));
}

TEST(EndpointSetting, SaysWhichOptionIsWrong) {
    const std::vector<std::pair<const char*, const char*>> cases{
        {";slots=0", "'slots'"},      {";slots=many", "'slots'"},
        {";slots", "'slots'"},        {";order=-1", "'order'"},
        {";tokens=1e9", "'tokens'"},  {";weight=2", "unknown option 'weight'"},
        {";profile=x", "'x'"},        {";name=", "'name'"},
        {";models=a|a", "'a' twice"}, {";;slots=1", "option ''"}};
    for (const auto& [options, part] : cases) {
        const auto endpoint = parse_endpoint(std::string("http://a:1") + options, {});
        ASSERT_FALSE(endpoint.has_value()) << options;
        EXPECT_NE(endpoint.error().message.find(part), std::string::npos)
            << endpoint.error().message;
    }
    EXPECT_FALSE(parse_endpoint("http://a:1", {.profile = "x"}).has_value());
}

TEST(EndpointSetting, NamesAreUnique) {
    EXPECT_FALSE(parse_endpoints({}, {}).has_value());
    EXPECT_FALSE(parse_endpoints({"http://a:1/v1", "http://a:1/v2"}, {}).has_value());
    EXPECT_TRUE(parse_endpoints({"http://a:1/v1", "http://a:1/v2;name=second"}, {}).has_value());
}

TEST(EndpointSlots, AreThoseOfTheLargestOrder) {
    const auto slots = [](const std::vector<std::string>& texts) {
        return slots_of(*parse_endpoints(texts, {.slots = 8}));
    };
    EXPECT_EQ(slots({"http://a:1"}), 8U);
    EXPECT_EQ(slots({"http://a:1", "http://b:1;slots=4"}), 12U);
    EXPECT_EQ(slots({"http://a:1", "http://b:1;order=2;slots=100"}), 100U);
}

TEST(Profile, IsRecognisedByTheOwnerOfTheModels) {
    const auto name = [](const char* model, const char* owner) {
        return find_profile_by_models({{model, owner}}).name;
    };
    EXPECT_EQ(name("m", "vllm"), "vllm");
    EXPECT_EQ(name("m", "sglang"), "sglang");
    EXPECT_EQ(name("m", "llamacpp"), "llama.cpp");
    EXPECT_EQ(name("m", "library"), "ollama");
    EXPECT_EQ(name("org/m", "org/m"), "tgi");
    EXPECT_EQ(name("m", "openai"), "cloud");
    EXPECT_EQ(name("m", "somebody"), "generic");
    EXPECT_EQ(name("m", ""), "generic");
    EXPECT_EQ(find_profile_by_models({}).name, "generic");
}

// Servers list their models in the order of a map.
TEST(Profile, IsTheSameInWhateverOrderTheModelsAre) {
    const std::vector<std::pair<std::vector<ServedModel>, std::string_view>> cases{
        {{{"a", "library"}, {"b", "somebody"}, {"c", ""}}, "ollama"},
        {{{"a", "openai"}, {"b", "system"}, {"c", "openai-internal"}}, "cloud"},
        {{{"a", "vllm"}, {"b", "vllm"}, {"c", "me"}}, "vllm"},
        // A gateway in front of several kinds.
        {{{"a", "vllm"}, {"b", "sglang"}, {"c", ""}}, "generic"},
        {{{"a", "a"}, {"b", "vllm"}, {"c", "vllm"}}, "generic"}};
    for (auto [models, profile] : cases) {
        const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
        do {
            EXPECT_EQ(find_profile_by_models(models).name, profile) << models.front().id;
        } while (std::next_permutation(models.begin(), models.end(), by_id));
    }
}

}  // namespace
}  // namespace millrace::backends::openai
