#include "common/storage/postgres/statements.h"

#include <string>

namespace millrace::storage::postgres {
namespace {

std::string_view stem(std::string_view file) {
    return file.substr(0, file.rfind('.'));
}

// The part without the comment at its head and without its last line end.
std::string_view body_of(std::string_view part) {
    while (part.starts_with("--")) part.remove_prefix(part.find('\n') + 1);
    return part.substr(0, part.find_last_not_of('\n') + 1);
}

// Replaces each {name} of a part by its text.
std::string with_parts(std::string_view text) {
    std::string whole(text);
    for (const auto& [file, part] : statement_parts()) {
        const auto mark = "{" + std::string(stem(file)) + "}";
        for (auto at = whole.find(mark); at != whole.npos; at = whole.find(mark, at)) {
            whole.replace(at, mark.size(), body_of(part));
        }
    }
    return whole;
}

}  // namespace

const std::map<std::string_view, std::string>& statements() {
    static const auto all = [] {
        std::map<std::string_view, std::string> texts;
        for (const auto& [file, text] : statement_files()) {
            texts.emplace(stem(file), with_parts(text));
        }
        return texts;
    }();
    return all;
}

}  // namespace millrace::storage::postgres
