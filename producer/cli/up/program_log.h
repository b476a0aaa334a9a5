// What a program that `millrace up` runs has to say: its log file, and its lines in words.
//
// Threads: one caller at a time. Blocks: for reads of the file's end, and to put it aside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

struct LogLine {
    enum class Level { kNone, kInfo, kWarning, kError };  // kNone: no line of our logs.
    Level level = Level::kNone;
    std::string text;  // "cannot start: no such file (path x.gguf)"; a foreign line as it is.
};

// Understands both of log.format's forms.
LogLine read_log_line(std::string_view line);

// Why a program has ended, from what it wrote: settings that were refused, else its last error,
// else its last lines. Empty when it wrote nothing.
std::string reason_of_end(std::string_view log);

class ProgramLog {
 public:
    explicit ProgramLog(std::filesystem::path path) : path_(std::move(path)) {}

    const std::filesystem::path& path() const { return path_; }

    // A run of the program begins: what is in the file by now is of earlier ones.
    void begin();
    // What the run wrote, the end of it where it is long.
    std::string text() const;
    // Whole lines since the last call, the last of them where they are many. A file that has become
    // large meanwhile is put aside as PATH.1 (process::kLogBytesMax).
    std::vector<std::string> news();

 private:
    std::filesystem::path path_;
    std::uintmax_t begin_ = 0;
    std::uintmax_t read_ = 0;
};

}  // namespace millrace::cli
