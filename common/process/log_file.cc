#include "common/process/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/process/fd.h"

namespace millrace::process {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

// Copies the bytes from `from` to `end`; false if it failed. Stops at `end`, because the source may
// grow faster than it is copied.
bool copy(const Fd& source, off_t from, off_t end, const Fd& target) {
    std::array<char, kPieceBytes> piece;
    while (from < end) {
        const auto size = std::min<off_t>(end - from, piece.size());
        const auto got = ::pread(source.get(), piece.data(), static_cast<std::size_t>(size), from);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        for (ssize_t done = 0; done < got;) {
            const auto put = ::write(target.get(), piece.data() + done, got - done);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return false;
            done += put;
        }
        from += got;
    }
    return true;
}

}  // namespace

std::uintmax_t log_size(const fs::path& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    return error ? 0 : size;
}

std::string log_part(const fs::path& path, std::uintmax_t from, std::size_t bytes_max) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(file.valid() ? bytes_max : 0, '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const auto got = ::pread(file.get(), text.data() + have, text.size() - have,
                                 static_cast<off_t>(from + have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
}

std::string log_end(const fs::path& path, std::size_t bytes_max, std::uintmax_t from) {
    const auto size = log_size(path);
    return log_part(path, std::max(from, size - std::min<std::uintmax_t>(size, bytes_max)),
                    bytes_max);
}

bool bound_log(const fs::path& path, std::uintmax_t bytes_max) {
    if (log_size(path) <= bytes_max) return false;
    const Fd log(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    struct stat info {};
    if (!log.valid() || ::fstat(log.get(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    const auto aside = path.string() + ".1";
    ::unlink(aside.c_str());
    const Fd target(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const auto from = info.st_size - static_cast<off_t>(bytes_max);
    if (!target.valid() || !copy(log, std::max<off_t>(from, 0), info.st_size, target)) {
        ::unlink(aside.c_str());
    }
    return ::ftruncate(log.get(), 0) == 0;
}

}  // namespace millrace::process
