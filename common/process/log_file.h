// The file that a child's output is appended to (ChildOptions::output_file), as its parent sees it:
// its end, and its size within bounds while the child goes on writing.
//
// Threads: one caller at a time. Blocks: for reads and writes of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace millrace::process {

// What a log may have; it and the part that was put aside are the double of that.
inline constexpr std::uintmax_t kLogBytesMax = std::uintmax_t{16} << 20;

// As many bytes from there on as there are, and at most `bytes_max`; empty where there is no such
// file.
std::string log_part(const std::filesystem::path& path, std::uintmax_t from, std::size_t bytes_max);
// Its last bytes, none from before `from`.
std::string log_end(const std::filesystem::path& path, std::size_t bytes_max,
                    std::uintmax_t from = 0);

// The size; 0 where there is no such file.
std::uintmax_t log_size(const std::filesystem::path& path);

// A log that has more than `bytes_max` is emptied, its last `bytes_max` bytes put aside as PATH.1
// before; true then. Its writer appends and so goes on at the beginning. What it writes just in
// that moment may be lost; where the disk takes no copy, all of it is.
bool bound_log(const std::filesystem::path& path, std::uintmax_t bytes_max = kLogBytesMax);

}  // namespace millrace::process
