// How the servers that speak OpenAI's API really speak it: for each, what it streams and answers,
// written after what is known of it. A test runs over all of them, so that what one does
// differently from the others is no surprise in the field.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/fake_server.h"

namespace millrace::worker {

// An answer that is no stream. Status 0: this server has none of the kind.
struct ScriptedAnswer {
    int status = 0;
    std::string body = {};
    std::string headers = {};  // Whole lines, each with its end.
};

// All streams say "Hello" to a prompt of 4 tokens, and take 2 for it. The tools are f({"x":1}) and
// g({}).
struct OpenAiManner {
    std::string name;
    std::string profile;  // That its model list tells of. The model is "m".
    std::string model_list;
    std::string data_field = "data: ";
    std::string end_of_line = "\n";
    std::vector<std::string> chat;        // The data of each event.
    std::vector<std::string> tool_calls;  // Both tools.
    std::vector<std::string> failure;     // After the first word, in a stream that began well.
    bool counts = true;                   // It says how many tokens it took.
    ScriptedAnswer too_long = {};         // The prompt.
    ScriptedAnswer busy = {};
    ScriptedAnswer embeddings = {};  // [1.50,-2] for one text.
};

const std::vector<OpenAiManner>& openai_manners();

// Answers as the server does. What a request asks for is the word that its body has in it: "tools",
// "failure", "cut" (after the first word of the chat), "too long", "busy"; a chat else.
FakeServer::Handler handler_of(const OpenAiManner& manner);

}  // namespace millrace::worker
