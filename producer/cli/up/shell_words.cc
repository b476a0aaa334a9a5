#include "producer/cli/up/shell_words.h"

#include <wordexp.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string_view>

namespace millrace::cli::up {
namespace {

const char* problem(int code) {
    switch (code) {
        case WRDE_BADCHAR:
            return "it has one of | & ; < > ( ) { } or a line break outside quotes; to use a "
                   "shell, write sh -c '...'";
        case WRDE_BADVAL:
            return "it uses a variable that is not set; single quotes keep a $ as it is";
        case WRDE_CMDSUB:
            return "commands in it are not run; to use a shell, write sh -c '...'";
        case WRDE_SYNTAX:
            return "its quotes are not balanced";
        default:
            return "it has too many words";
    }
}

}  // namespace

Result<std::vector<std::string>> shell_words(const std::string& text) {
    wordexp_t found{};
    const int code = ::wordexp(text.c_str(), &found, WRDE_NOCMD | WRDE_UNDEF);
    if (code != 0) {
        if (code == WRDE_NOSPACE) ::wordfree(&found);
        return Error{ErrorCode::kInvalidArgument, problem(code)};
    }
    const std::unique_ptr<wordexp_t, decltype(&::wordfree)> owner(&found, &::wordfree);
    std::vector<std::string> words(found.we_wordv, found.we_wordv + found.we_wordc);
    if (words.empty()) return Error{ErrorCode::kInvalidArgument, "it has no program"};
    if (std::ranges::any_of(words, &std::string::empty)) {
        return Error{ErrorCode::kInvalidArgument, "one of its words is empty"};
    }
    return words;
}

std::string shell_quoted(const std::string& word) {
    const auto is_safe = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("_-./:@%+=,").find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (!word.empty() && std::ranges::all_of(word, is_safe)) return word;
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

}  // namespace millrace::cli::up
