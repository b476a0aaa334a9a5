#include "common/storage/postgres/statements.h"

namespace millrace::storage {

const std::map<std::string_view, std::string_view>& statements() {
    static const auto all = [] {
        std::map<std::string_view, std::string_view> texts;
        for (const auto& [file, text] : statement_files()) {
            texts.emplace(file.substr(0, file.rfind('.')), text);
        }
        return texts;
    }();
    return all;
}

}  // namespace millrace::storage
