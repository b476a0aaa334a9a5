// One message of a streamed chat, assembled from its deltas.
//
// Threads:   values.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/json/json_view.h"
#include "worker/backends/openai/merged.h"
#include "worker/backends/openai/tool_calls.h"

namespace millrace::backends::openai {

// The content: a string in pieces, or from some servers a list of parts whose texts also come in
// pieces, or a mixture of both.
class ContentPieces {
 public:
    // Appends the text of the piece to `text`. False if the piece is neither form.
    bool add(const json_text::JsonView& piece, std::string& text);

    bool empty() const { return parts_.empty(); }
    std::size_t bytes() const { return bytes_; }
    void write(std::string& json) const;

 private:
    struct Part {
        bool is_text = true;
        std::string value;  // The text, or the part as JSON.
    };

    void add_text(const std::string& piece, std::string& text);
    bool add_part(const json_text::JsonView& part, std::string& text);

    std::vector<Part> parts_;
    bool is_list_ = false;
    std::size_t bytes_ = 0;
};

class Message {
 public:
    // Appends the text of the content to `text`. False if the delta is not of the expected form.
    bool add(const json_text::JsonView& delta, std::string& text);

    // Whether it contains an answer: text, a call, or something in their place.
    bool speaks() const;
    bool is_sound() const { return tool_calls_.have_names(); }
    std::size_t bytes() const;
    std::size_t spoken_bytes() const;  // Of text and calls.
    void write(std::string& json) const;

 private:
    // OpenAI's content is null only if something else takes its place.
    bool has_other_content() const;

    ContentPieces content_;
    ToolCalls tool_calls_;
    FunctionPieces function_call_;
    bool has_function_call_ = false;
    MergedObject rest_;
    std::size_t rest_bytes_ = 0;
};

}  // namespace millrace::backends::openai
