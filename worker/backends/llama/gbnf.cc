#include "worker/backends/llama/gbnf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string>

namespace millrace::backends::llama {
namespace {

constexpr int kDepthMax = 100;        // Of parentheses; the library recurses for each.
constexpr int kRepetitionMax = 2000;  // The library's own limit.
// Limits repeated characters times repetitions: the library expands them.
constexpr std::size_t kRepeatedMax = 1 << 20;

class Checker {
 public:
    explicit Checker(std::string_view text) : text_(text) {}

    Status check() {
        skip_space(/*lines=*/true);
        while (!at_end()) TRY_STATUS(rule());
        for (const auto& [name, line] : used_) {
            if (!defined_.contains(name)) {
                return wrong(line, fmt::format("there is no rule '{}'", name));
            }
        }
        if (!defined_.contains("root")) return wrong(line_, "there is no rule 'root'");
        return ok();
    }

 private:
    bool at_end() const { return at_ == text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    bool take(std::string_view token) {
        if (!text_.substr(at_).starts_with(token)) return false;
        at_ += token.size();
        return true;
    }
    void skip_space(bool lines) {
        while (!at_end()) {
            if (peek() == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (peek() == ' ' || peek() == '\t' || (lines && is_line_end())) {
                if (peek() == '\n') ++line_;
                ++at_;
            } else {
                return;
            }
        }
    }
    bool is_line_end() const { return peek() == '\n' || peek() == '\r'; }

    static Error wrong(int line, std::string_view what) {
        return {ErrorCode::kInvalidArgument, fmt::format("the grammar, line {}: {}", line, what)};
    }
    Error expected(std::string_view what) const {
        return wrong(line_, fmt::format("{} is expected here", what));
    }

    std::string name() {
        const auto begin = at_;
        while (std::isalnum(static_cast<unsigned char>(peek())) != 0 || peek() == '-') ++at_;
        return std::string(text_.substr(begin, at_ - begin));
    }
    int number() {
        int value = 0;
        while (std::isdigit(static_cast<unsigned char>(peek())) != 0) {
            value = std::min(kRepetitionMax + 1, value * 10 + (text_[at_++] - '0'));
        }
        return value;
    }

    Status rule() {
        const auto rule_name = name();
        if (rule_name.empty()) return expected("the name of a rule (letters, digits and -)");
        defined_.insert(rule_name);
        skip_space(false);
        if (!take("::=")) return expected("'::='");
        skip_space(true);
        TRY_STATUS(alternatives(0));
        if (!at_end() && !is_line_end()) return expected("the end of the line");
        skip_space(true);
        return ok();
    }

    Status alternatives(int depth) {
        if (depth > kDepthMax) return wrong(line_, "the parentheses are nested too deeply");
        do {
            skip_space(true);
            TRY_STATUS(sequence(depth));
        } while (take("|"));
        return ok();
    }

    Status sequence(int depth) {
        bool repeatable = false;
        std::size_t begin = at_;  // Where the repeatable item begins.
        for (;; skip_space(depth > 0)) {
            const char next = peek();
            if (repeatable && take_any("*+?")) continue;
            if (repeatable && next == '{') {
                TRY_STATUS(count(at_ - begin));
                continue;
            }
            begin = at_;
            if (next == '"') {
                ++at_;
                TRY_STATUS(characters('"'));
            } else if (next == '[') {
                ++at_;
                TRY_STATUS(characters(']'));
            } else if (next == '(') {
                ++at_;
                TRY_STATUS(alternatives(depth + 1));
                if (!take(")")) return expected("')'");
            } else if (next == '.') {
                ++at_;
            } else if (std::isalnum(static_cast<unsigned char>(next)) != 0 || next == '-') {
                const int line = line_;
                used_.emplace(name(), line);
            } else if (next == '*' || next == '+' || next == '?' || next == '{') {
                return expected("something to repeat before this");
            } else {
                return ok();
            }
            repeatable = true;
        }
    }
    bool take_any(std::string_view tokens) {
        if (at_end() || tokens.find(peek()) == std::string_view::npos) return false;
        ++at_;
        return true;
    }

    // {2}, {2,} or {2,5}
    Status count(std::size_t bytes) {
        ++at_;
        skip_space(false);
        if (std::isdigit(static_cast<unsigned char>(peek())) == 0) return expected("a number");
        const int least = number();
        int most = least;
        skip_space(false);
        if (take(",")) {
            skip_space(false);
            most = std::isdigit(static_cast<unsigned char>(peek())) != 0 ? number() : least;
            skip_space(false);
        }
        if (!take("}")) return expected("'}'");
        if (most > kRepetitionMax || most < least) {
            return wrong(line_,
                         fmt::format("the numbers of a repetition must not decrease nor exceed {}",
                                     kRepetitionMax));
        }
        repeated_ += bytes * static_cast<std::size_t>(most);
        if (repeated_ > kRepeatedMax) return wrong(line_, "the repetitions are too large");
        return ok();
    }

    Status characters(char end) {
        if (end == ']') take("^");
        if (end == ']' && peek() == ']') return expected("a character");
        for (; peek() != end; ++at_) {
            if (at_end() || peek() == '\n') return expected(end == '"' ? "'\"'" : "']'");
            if (peek() != '\\') continue;
            ++at_;
            const std::string_view kinds = "xuU";
            const auto kind = kinds.find(peek());
            if (at_end() || (kind == std::string_view::npos && !is_escape(peek()))) {
                return wrong(line_,
                             "an unknown escape; the known ones are \\x41 \\u0041 \\U00000041 \\n "
                             "\\r \\t \\\\ \\\" \\[ \\] \\-");
            }
            if (kind == std::string_view::npos) continue;
            const std::size_t digits = std::size_t{2} << kind;
            for (std::size_t i = 0; i < digits; ++i) {
                ++at_;
                if (std::isxdigit(static_cast<unsigned char>(peek())) == 0) {
                    return expected(fmt::format("a hexadecimal digit, {} in all,", digits));
                }
            }
        }
        ++at_;
        return ok();
    }
    static bool is_escape(char c) {
        return std::string_view("nrt\\\"[]-").find(c) != std::string_view::npos;
    }

    const std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
    std::size_t repeated_ = 0;
    std::set<std::string> defined_;
    std::map<std::string, int> used_;  // Each with the line of its first use.
};

}  // namespace

Status check_gbnf(std::string_view grammar) {
    if (grammar.size() > kGrammarBytesMax) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("the grammar has {} bytes; the maximum is {}", grammar.size(),
                                 kGrammarBytesMax)};
    }
    if (grammar.find('\0') != std::string_view::npos) {
        return Error{ErrorCode::kInvalidArgument, "the grammar has a zero byte"};
    }
    return Checker(grammar).check();
}

}  // namespace millrace::backends::llama
