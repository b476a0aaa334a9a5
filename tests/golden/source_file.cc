#include "tests/golden/source_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace millrace::golden {

std::string source_file(const std::string& path) {
    const char* root = std::getenv("MILLRACE_SOURCE");
    std::ifstream file(std::string(root == nullptr ? "." : root) + "/" + path);
    EXPECT_TRUE(file.is_open()) << "cannot read " << path;
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace millrace::golden
