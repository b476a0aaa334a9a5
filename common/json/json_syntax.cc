#include "common/json/json_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/json/number.h"
#include "common/json/scan.h"

namespace millrace::json_text {
// Notes a container when it begins and completes or drops the note when it ends, so that the notes
// are in the order of the text.
class OutlineBuilder {
 public:
    explicit OutlineBuilder(JsonOutline* outline) : outline_(outline) {}

    // Returns a ticket for end().
    std::size_t begin(const char* at, int depth) {
        if (outline_ == nullptr || depth > kDepthMax) return kNone;
        outline_->ends_.emplace_back(at, nullptr);
        return outline_->ends_.size() - 1;
    }
    void end(std::size_t ticket, const char* at) {
        if (ticket == kNone) return;
        auto& ends = outline_->ends_;
        if (at - ends[ticket].first < kSizeMin) {
            ends.pop_back();  // Whatever lies inside is smaller, so it is the last one.
        } else {
            ends[ticket].second = at;
        }
    }

 private:
    static constexpr std::size_t kNone = SIZE_MAX;
    // As deep as the input of a job in a batch.
    static constexpr int kDepthMax = 4;
    // Reading less takes about as long as looking it up (json_bench).
    static constexpr std::ptrdiff_t kSizeMin = 256;

    JsonOutline* outline_;
};

namespace {

class Checker {
 public:
    Checker(std::string_view text, int depth_max, JsonOutline* outline)
        : text_(text), depth_max_(depth_max), outline_(outline) {}

    std::optional<JsonFault> run() {
        if (value(0)) {
            skip_space();
            if (at_ < text_.size()) fail("expected the end: there is more after the value");
        }
        return std::move(fault_);
    }

 private:
    bool value(int depth) {
        skip_space();
        if (at_ == text_.size()) return fail("expected a value, found the end");
        switch (text_[at_]) {
            case '{':
                return object(depth + 1);
            case '[':
                return array(depth + 1);
            case '"':
                return string();
            case 't':
                return literal("true");
            case 'f':
                return literal("false");
            case 'n':
                return literal("null");
            default:
                return number();
        }
    }

    bool object(int depth) {
        const auto ticket = outline_.begin(text_.data() + at_, depth);
        if (!enter(depth) || !members(depth)) return false;
        outline_.end(ticket, text_.data() + at_);
        return true;
    }

    bool members(int depth) {
        skip_space();
        if (take('}')) return true;
        while (true) {
            skip_space();
            if (peek() != '"') return fail("expected a name in double quotes");
            if (!string()) return false;
            skip_space();
            if (!take(':')) return fail("expected a colon after the name");
            if (!value(depth)) return false;
            skip_space();
            if (take('}')) return true;
            if (!take(',')) return fail("expected a comma or a closing brace");
        }
    }

    bool array(int depth) {
        const auto ticket = outline_.begin(text_.data() + at_, depth);
        if (!enter(depth) || !items(depth)) return false;
        outline_.end(ticket, text_.data() + at_);
        return true;
    }

    bool items(int depth) {
        skip_space();
        if (take(']')) return true;
        while (true) {
            if (!value(depth)) return false;
            skip_space();
            if (take(']')) return true;
            if (!take(',')) return fail("expected a comma or a closing bracket");
        }
    }

    bool enter(int depth) {
        if (depth > depth_max_) {
            fail(fmt::format("nested deeper than {} levels", depth_max_));
            fault_->too_deep = true;
            return false;
        }
        ++at_;
        return true;
    }

    bool string() {
        ++at_;
        while (true) {
            at_ += plain_length(text_.substr(at_));
            if (at_ == text_.size()) return fail("expected the end of a string");
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == '\\') {
                if (!escape()) return false;
            } else if (static_cast<unsigned char>(c) < 0x20) {
                return fail("a control character in a string must be escaped");
            } else {
                // Such characters usually come together.
                while (at_ < text_.size() && !is_ascii(text_[at_])) {
                    const auto size = utf8_sequence(text_.substr(at_));
                    if (size == 0) return fail("invalid UTF-8");
                    at_ += size;
                }
            }
        }
    }

    bool escape() {
        const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
        if (c != 'u') {
            if (c == '\0' || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
                return fail("unknown escape in a string");
            }
            at_ += 2;
            return true;
        }
        const auto unit = code_unit(text_.substr(at_));
        if (!unit) return fail("expected four hexadecimal digits after \\u");
        if (*unit == 0) return fail("the character U+0000 cannot be stored; leave it out");
        if (is_low_surrogate(*unit)) return fail("a low surrogate without a high one");
        const auto first = at_;
        at_ += kUnicodeEscapeBytes;
        if (!is_high_surrogate(*unit)) return true;
        const auto low = code_unit(text_.substr(at_));
        if (!low || !is_low_surrogate(*low)) {
            at_ = first;
            return fail("a high surrogate without a low one");
        }
        at_ += kUnicodeEscapeBytes;
        return true;
    }

    bool number() {
        const auto first = at_;
        take('-');
        if (take('0')) {
            if (is_digit(peek())) return fail("a number must not begin with 0");
        } else if (!digits()) {
            at_ = first;
            return fail("expected a value");
        }
        if (take('.') && !digits()) return fail("expected a digit after the point");
        if (peek() == 'e' || peek() == 'E') {
            ++at_;
            if (!take('+')) take('-');
            if (!digits()) return fail("expected a digit in the exponent");
        }
        if (json_text::fits_double(text_.substr(first, at_ - first))) return true;
        at_ = first;
        return fail("a number too large for a double");
    }

    bool digits() {
        const auto first = at_;
        while (is_digit(peek())) ++at_;
        return at_ > first;
    }

    bool literal(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return fail("expected a value");
        at_ += word.size();
        return true;
    }

    void skip_space() { at_ = json_text::skip_space(text_, at_); }

    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    bool take(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }

    bool fail(std::string what) {
        fault_ = JsonFault{.offset = at_, .what = std::move(what)};
        return false;
    }

    std::string_view text_;
    int depth_max_;
    std::size_t at_ = 0;
    std::optional<JsonFault> fault_;
    OutlineBuilder outline_;
};

}  // namespace

const char* JsonOutline::end_of(const char* begin) const {
    const auto found =
        std::ranges::lower_bound(ends_, begin, {}, &std::pair<const char*, const char*>::first);
    return found != ends_.end() && found->first == begin ? found->second : nullptr;
}

std::optional<JsonFault> check_json(std::string_view text, int depth_max, JsonOutline* outline) {
    return Checker(text, depth_max, outline).run();
}

std::string position_text(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto line = 1 + std::ranges::count(before, '\n');
    const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0.
    return fmt::format("line {}, column {}", line, before.size() - line_start + 1);
}

std::size_t utf8_length(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace millrace::json_text
