// How the servers with OpenAI's API really behave: what each streams and answers, from what is
// known of it. A test runs over all of them, so that their differences cause no surprises in
// production.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/fake_server.h"

namespace millrace::test {

// An unstreamed answer. Status 0: this server has none of the kind.
struct ScriptedAnswer {
    int status = 0;
    std::string body = {};
    std::string headers = {};  // Whole lines, each with its end.
};

// All streams answer "Hello" to a prompt of 4 tokens, and count 2 for it. The tools are f({"x":1})
// and g({}).
struct OpenAiManner {
    std::string name;
    std::string profile;  // The profile that its model list implies. The model is "m".
    std::string model_list;
    std::string data_field = "data: ";
    std::string end_of_line = "\n";
    std::vector<std::string> chat;        // The data of each event.
    std::vector<std::string> tool_calls;  // Both tools.
    std::vector<std::string> failure;     // After the first word, in a stream that began well.
    bool counts = true;                   // It reports the number of tokens.
    ScriptedAnswer too_long = {};         // For a prompt that is too long.
    ScriptedAnswer busy = {};
    ScriptedAnswer embeddings = {};  // [1.50,-2] for one text.
};

const std::vector<OpenAiManner>& openai_manners();

// Answers as the server does. A word in the request's body selects the answer: "tools", "failure",
// "cut" (after the first word of the chat), "too long", "busy"; otherwise a chat.
FakeServer::Handler handler_of(const OpenAiManner& manner);

}  // namespace millrace::test
