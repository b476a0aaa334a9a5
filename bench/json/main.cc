// How long it takes to check a request body and to find its members, beside other parsers in the
// same run. Prints microseconds per body: for each, the median of `kRuns`.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/json/json_syntax.h"
#include "common/json/json_view.h"

#ifdef MILLRACE_HAS_SIMDJSON
#include <simdjson.h>
#endif

namespace millrace::bench {
namespace {

constexpr int kRuns = 9;
constexpr int kDepthMax = 64;
// A run repeats a body until it has parsed this much.
constexpr std::size_t kRunBytes = 16 << 20;

struct Body {
    std::string name;
    std::string text;
};

std::string job(const std::string& input) {
    return fmt::format(R"({{"model":"m","input":{},"policy":{{"ttl":"1h"}}}})", input);
}

std::vector<Body> bodies() {
    std::string messages;
    for (int i = 0; i < 40; ++i) {
        messages +=
            R"({"role":"user","content":"Why does \"so\" mean it, and what then?\n Née où?"},)";
    }
    messages.pop_back();
    std::string chinese;
    for (int i = 0; i < 10'000; ++i) chinese += "水車小屋";
    std::string tokens;
    for (int i = 0; i < 20'000; ++i) tokens += fmt::format("{},", i * 7919 % 50'257);
    tokens.pop_back();
    const auto prompt = [](const std::string& text) {
        return job(R"({"prompt":")" + text + "\"}");
    };
    return {{"a prompt", prompt("Write a haiku about a mill race in spring.")},
            {"40 messages", job(R"({"messages":[)" + messages + "]}")},
            {"1 MiB of English", prompt(std::string(1 << 20, 'x'))},
            {"120 kB of Japanese", prompt(chinese)},
            {"20,000 tokens", job(R"({"input":[)" + tokens + "]}")}};
}

double microseconds(std::size_t bytes, const std::function<bool()>& parse) {
    const auto times = std::max<std::size_t>(kRunBytes / bytes, 1);
    std::vector<double> runs;
    for (int run = 0; run < kRuns; ++run) {
        const auto start = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < times; ++i) CHECK(parse());
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;
        runs.push_back(took.count() / static_cast<double>(times));
    }
    std::ranges::nth_element(runs, runs.begin() + kRuns / 2);
    return runs[kRuns / 2];
}

void measure(const Body& body) {
    const auto& text = body.text;
    const auto check = microseconds(text.size(), [&] {
        json_text::JsonOutline outline;
        return !json_text::check_json(text, kDepthMax, &outline).has_value();
    });
    json_text::JsonOutline outline;
    CHECK(!json_text::check_json(text, kDepthMax, &outline));
    const auto view = microseconds(
        text.size(), [&] { return json_text::JsonView(text, &outline).members().size() == 3; });
    const auto nlohmann = microseconds(text.size(), [&] { return nlohmann::json::accept(text); });
    fmt::print("| {} | {} | {:.2f} | {:.2f} | {:.2f} |", body.name, text.size(), check, view,
               nlohmann);
#ifdef MILLRACE_HAS_SIMDJSON
    simdjson::dom::parser parser;
    const auto simd = microseconds(text.size(), [&] { return !parser.parse(text).error(); });
    fmt::print(" {:.2f} |", simd);
#endif
    fmt::print("\n");
}

int run() {
#ifdef MILLRACE_HAS_SIMDJSON
    fmt::print("| µs per body | bytes | check | members | nlohmann, accept | simdjson, DOM |\n");
    fmt::print("| --- | --- | --- | --- | --- | --- |\n");
#else
    fmt::print("| µs per body | bytes | check | members | nlohmann, accept |\n");
    fmt::print("| --- | --- | --- | --- | --- |\n");
#endif
    for (const auto& body : bodies()) measure(body);
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace millrace::bench

int main() {
    return millrace::bench::run();
}
