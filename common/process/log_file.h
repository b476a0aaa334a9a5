// The file that a child's output is appended to (ChildOptions::output_file), from the parent's
// side: reads its end, and bounds its size while the child goes on writing.
//
// Threads: one caller at a time. Blocks: for reads and writes of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace millrace::process {

// The size that a log may reach. With the part that is put aside, it takes up to twice as much.
inline constexpr std::uintmax_t kLogBytesMax = std::uintmax_t{16} << 20;

// The bytes of the file from `from` on, at most `bytes_max`; empty if there is no such file.
std::string log_part(const std::filesystem::path& path, std::uintmax_t from, std::size_t bytes_max);
// The last bytes of the file, at most `bytes_max`, none from before `from`.
std::string log_end(const std::filesystem::path& path, std::size_t bytes_max,
                    std::uintmax_t from = 0);

// The size; 0 if there is no such file.
std::uintmax_t log_size(const std::filesystem::path& path);

// Empties a log of more than `bytes_max` bytes, after copying its last `bytes_max` bytes to PATH.1;
// returns whether it did. The writer appends, so it continues at the beginning. What it writes at
// that very moment may be lost; if the copy cannot be written, the whole log is.
bool bound_log(const std::filesystem::path& path, std::uintmax_t bytes_max = kLogBytesMax);

}  // namespace millrace::process
