#include "common/json/mend.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "common/base/text.h"
#include "common/json/number.h"
#include "common/json/scan.h"

namespace millrace::json_text {
namespace {

constexpr std::size_t kNameShownMax = 40;
constexpr std::size_t kPathShownMax = 300;  // A longer path helps nobody.

class Mender {
 public:
    Mender(std::string_view text, const MendOptions& options) : text_(text), options_(options) {}

    Result<std::string> run() {
        kept_ = at_ = text_.size() - without_byte_order_mark(text_).size();
        bool fine = value(0);
        at_ = skip_space(text_, at_);
        if (fine && at_ < text_.size()) fine = fail("has more text after its end");
        if (!fine) {
            const auto place = path_.size() > kPathShownMax ? std::string() : path_;
            return Error{ErrorCode::kInvalidArgument, fmt::format("{} {}", place, what_)};
        }
        keep_until(text_.size());
        return std::move(mended_);
    }

 private:
    bool value(int depth) {
        at_ = skip_space(text_, at_);
        if (at_ == text_.size()) return fail("is incomplete");
        switch (text_[at_]) {
            case '{':
                return container(depth + 1, '}');
            case '[':
                return container(depth + 1, ']');
            case '"':
                return string();
            default:
                return word();
        }
    }

    // An object or an array.
    bool container(int depth, char close) {
        if (depth > options_.depth_max) {
            return fail(fmt::format("is nested deeper than {} levels", options_.depth_max));
        }
        ++at_;
        if (take(close)) return true;
        for (std::size_t i = 0;; ++i) {
            const auto name_at = skip_space(text_, at_);
            if (close == '}' && !name()) return false;
            const auto name_end = at_;
            if (close == '}' && !take(':')) return fail("has a name without a colon");
            if (!value(depth)) {
                const auto name = text_.substr(name_at, name_end - name_at);
                return place(close == '}' ? member_place(name) : fmt::format("[{}]", i));
            }
            if (take(close)) return true;
            if (!take(',')) {
                return fail(at_ == text_.size() ? "is incomplete" : "has no comma between values");
            }
        }
    }

    bool name() {
        at_ = skip_space(text_, at_);
        if (at_ == text_.size()) return fail("is incomplete");
        if (text_[at_] != '"') return fail("has a name that is not in double quotes");
        return string();
    }

    bool string() {
        ++at_;
        while (true) {
            at_ += plain_length(text_.substr(at_));
            if (at_ == text_.size()) return fail("is incomplete");
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == '\\') {
                if (!escape()) return false;
            } else if (static_cast<unsigned char>(c) < 0x20) {
                replace(1, fmt::format("\\u{:04x}", static_cast<unsigned>(c)));
            } else if (const auto size = utf8_sequence(text_.substr(at_)); size > 0) {
                at_ += size;
            } else {
                replace(broken_sequence(text_.substr(at_)), kReplacementCharacter);
            }
        }
    }

    bool escape() {
        const auto unit = code_unit(text_.substr(at_));
        if (!unit) {
            constexpr std::string_view kKnown = "\"\\/bfnrt";
            if (at_ + 1 == text_.size()) return fail("is incomplete");
            if (kKnown.find(text_[at_ + 1]) == std::string_view::npos) {
                return fail("has an unknown escape in a string");
            }
            at_ += 2;
            return true;
        }
        const bool is_high = is_high_surrogate(*unit);
        const auto next =
            is_high ? code_unit(text_.substr(at_ + kUnicodeEscapeBytes)) : std::nullopt;
        if (next && is_low_surrogate(*next)) {
            at_ += 2 * kUnicodeEscapeBytes;
        } else if (is_high || is_low_surrogate(*unit)) {
            replace(kUnicodeEscapeBytes, "\\ufffd");
        } else {
            at_ += kUnicodeEscapeBytes;
        }
        return true;
    }

    // A number or a literal.
    bool word() {
        const auto end = std::min(text_.find_first_of(" \t\r\n,:]}[{\"", at_), text_.size());
        const auto word = text_.substr(at_, end - at_);
        for (const auto* known : {"true", "false", "null"}) {
            if (word == known) return skip(word.size());
        }
        for (const auto* known : {"NaN", "Infinity", "-Infinity"}) {
            if (word != known) continue;
            if (options_.not_a_number == NotANumber::kRefuse) {
                return fail(fmt::format("is {}, which JSON cannot express", word));
            }
            replace(word.size(), fmt::format("\"{}\"", word));
            return true;
        }
        if (!is_number(word)) return fail("is not a JSON value");
        if (!fits_double(word)) return fail("is a number that is too large");
        return skip(word.size());
    }

    static bool is_number(std::string_view word) {
        std::size_t at = word.starts_with('-') ? 1 : 0;
        const auto digits = [&] {
            const auto first = at;
            while (at < word.size() && is_digit(word[at])) ++at;
            return at - first;
        };
        const bool zero = at < word.size() && word[at] == '0';
        const auto whole = digits();
        if (whole == 0 || (zero && whole > 1)) return false;
        if (at < word.size() && word[at] == '.') {
            ++at;
            if (digits() == 0) return false;
        }
        if (at < word.size() && (word[at] == 'e' || word[at] == 'E')) {
            ++at;
            if (at < word.size() && (word[at] == '+' || word[at] == '-')) ++at;
            if (digits() == 0) return false;
        }
        return at == word.size();
    }

    bool skip(std::size_t size) {
        at_ += size;
        return true;
    }

    bool take(char wanted) {
        at_ = skip_space(text_, at_);
        if (at_ == text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }

    void keep_until(std::size_t end) {
        mended_ += text_.substr(kept_, end - kept_);
        kept_ = end;
    }

    void replace(std::size_t size, std::string_view by) {
        keep_until(at_);
        mended_ += by;
        at_ += size;
        kept_ = at_;
    }

    bool fail(std::string what) {
        what_ = std::move(what);
        return false;
    }

    bool place(const std::string& outer) {
        path_.insert(0, outer);
        return false;
    }

    static std::string member_place(std::string_view quoted) {
        const auto name = quoted.substr(1, quoted.size() - 2);
        return "." + storable(std::string(beginning(name, kNameShownMax)));
    }

    const std::string_view text_;
    const MendOptions& options_;
    std::size_t at_ = 0;
    std::size_t kept_ = 0;  // The end of the part of text_ that is already in mended_.
    std::string mended_;
    std::string path_;  // The path of the faulty value.
    std::string what_;
};

}  // namespace

Result<std::string> mend(std::string_view text, const MendOptions& options) {
    return Mender(text, options).run();
}

}  // namespace millrace::json_text
