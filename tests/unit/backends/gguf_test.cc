#include "worker/backends/gguf.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace millrace::backends {
namespace {

class CheckGguf : public testing::Test {
 protected:
    CheckGguf() {
        std::string name = (std::filesystem::temp_directory_path() / "gguf-XXXXXX").string();
        folder_ = mkdtemp(name.data());
    }
    ~CheckGguf() override { std::filesystem::remove_all(folder_); }

    std::string file(std::string_view bytes) const {
        const auto path = folder_ / "model.gguf";
        std::ofstream(path, std::ios::binary) << bytes;
        return path.string();
    }
    // Checks that the message names the path and contains `part`.
    static void expect_refused(const std::string& path, const std::string& part) {
        const auto status = check_gguf(path);
        ASSERT_FALSE(status.has_value());
        EXPECT_NE(status.error().message.find(path), std::string::npos) << status.error().message;
        EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
    }

    std::filesystem::path folder_;
};

TEST_F(CheckGguf, AcceptsVersions2And3) {
    EXPECT_TRUE(check_gguf(file(std::string("GGUF\3\0\0\0more", 12))).has_value());
    EXPECT_TRUE(check_gguf(file(std::string("GGUF\2\0\0\0more", 12))).has_value());
}

TEST_F(CheckGguf, SaysWhatItFoundInstead) {
    expect_refused(file("<!DOCTYPE html>"), "'<!DOCTYP'");
    expect_refused(file(""), "empty");
    expect_refused(file("GGUF"), "'GGUF'");
    expect_refused(file(std::string("GG\0\1zzzz", 8)), "GG\\x00\\x01");
    expect_refused(file(std::string("GGUF\7\0\0\0", 8)), "version 7");
    expect_refused(folder_.string(), "folder");
    expect_refused((folder_ / "missing").string(), "No such file");
}

}  // namespace
}  // namespace millrace::backends
