// The log file of a program that `millrace up` runs, and its lines in plain words.
//
// Threads: one caller at a time. Blocks: to read the end of the file, and to put it aside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli::up {

struct LogLine {
    enum class Level { kNone, kInfo, kWarning, kError };  // kNone: not a Millrace log line.
    Level level = Level::kNone;
    std::string text;  // "cannot start: no such file (path x.gguf)"; a foreign line unchanged.
};

// Understands both forms of log.format.
LogLine read_log_line(std::string_view line);

// Why a program ended, from its log: refused settings, or else its last error, or else its last
// lines. Empty if it wrote nothing.
std::string reason_of_end(std::string_view log);

class ProgramLog {
 public:
    explicit ProgramLog(std::filesystem::path path) : path_(std::move(path)) {}

    const std::filesystem::path& path() const { return path_; }

    // Marks the start of a run: what is already in the file belongs to earlier ones.
    void begin();
    // What the run wrote; only the end if it is long.
    std::string text() const;
    // The whole lines since the last call; only the last ones if there are many. A file that has
    // grown large is put aside as PATH.1 (process::kLogBytesMax).
    std::vector<std::string> news();

 private:
    std::filesystem::path path_;
    std::uintmax_t begin_ = 0;
    std::uintmax_t read_ = 0;
};

}  // namespace millrace::cli::up
