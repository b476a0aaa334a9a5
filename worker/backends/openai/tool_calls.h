// The tool calls of one message, assembled from the pieces that servers really stream.
//
// OpenAI gives each call an index, which every piece has, and an id and a name, which only the
// first piece has. Other servers give all calls index 0, or none; repeat id and name in every
// piece, or make a new id for each; cut names; or send arguments as an object. So:
//
//   - Pieces of one index belong to one call, unless a piece begins another: one with a new id and
//     a name, or with a name after arguments that are whole, or that are another function's.
//   - Without an index the id decides, and without an id the place in the list. A lone piece
//     continues the call before it.
//
// Threads:   values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/json/json_view.h"
#include "worker/backends/openai/merged.h"

namespace millrace::backends::openai {

// Detects when a text that comes in pieces has ended the one JSON object that it may be. Looks at
// each byte once.
class ObjectEnd {
 public:
    void add(std::string_view piece);
    // Every brace that was opened is closed, and nothing follows.
    bool is_reached() const { return is_closed_ && !has_more_; }

 private:
    std::size_t depth_ = 0;
    bool in_string_ = false;
    bool is_escaped_ = false;
    bool is_closed_ = false;
    bool has_more_ = false;
};

// "function" of a tool call, or the older "function_call".
class FunctionPieces {
 public:
    // False if the piece is not of the expected form.
    bool add(const json_text::JsonView& piece);

    const std::string& name() const { return name_; }
    const std::string& arguments() const { return arguments_; }
    bool is_whole() const;  // The arguments are one object, from its first brace to its last.
    std::size_t bytes() const { return name_.size() + arguments_.size() + rest_bytes_; }
    void write(std::string& json) const;

 private:
    bool add_name(const json_text::JsonView& piece);
    bool add_arguments(const json_text::JsonView& piece);
    void append(std::string_view arguments);

    std::string name_;
    std::string arguments_;
    ObjectEnd end_;  // Of the arguments.
    MergedObject rest_;
    std::size_t rest_bytes_ = 0;
};

class ToolCalls {
 public:
    // Takes the "tool_calls" of a delta: a list, or from TGI a single call. False if it is not of
    // the expected form, or if there are too many.
    bool add(const json_text::JsonView& deltas);

    bool empty() const { return calls_.empty(); }
    // Whether every call names its function.
    bool have_names() const;
    std::size_t bytes() const;
    void write(std::string& json) const;

 private:
    struct Call {
        std::optional<std::int64_t> index;
        std::string id;
        std::string spare_id;  // Came without a name: perhaps for the next call of this index.
        FunctionPieces function;
        MergedObject rest = {};  // The other members; "function" has its place among them.
        std::size_t rest_bytes = 0;
    };
    struct Piece {
        std::optional<std::int64_t> index;
        std::string id;
        std::string name;
        std::string arguments;
    };

    static Piece piece_of(const std::vector<json_text::JsonMember>& members);
    static bool repeats(const Call& call, const Piece& piece);
    static bool begins_another(const Call& call, const Piece& piece);
    static bool add_to(Call& call, const Piece& piece,
                       const std::vector<json_text::JsonMember>& members);

    Call& call_of(const Piece& piece);
    Call& call_of_index(const Piece& piece);
    Call& call_of_id(const Piece& piece);
    Call& go_on_with(Call& call, const Piece& piece);
    Call& make(const Piece& piece);
    // The last call that matches; null if there is none. No index or an empty id matches any.
    Call* find(std::optional<std::int64_t> index, const std::string& id);

    std::vector<Call> calls_;  // In order of appearance.
};

}  // namespace millrace::backends::openai
