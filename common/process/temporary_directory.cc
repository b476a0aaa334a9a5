#include "common/process/temporary_directory.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace millrace::process {

namespace fs = std::filesystem;

Result<TemporaryDirectory> TemporaryDirectory::make(const std::string& prefix,
                                                    const std::optional<User>& owner) {
    std::error_code error;
    fs::path base = fs::temp_directory_path(error);
    if (error) base = "/tmp";
    std::string path = (base / (prefix + "XXXXXX")).string();
    if (::mkdtemp(path.data()) == nullptr) {
        return Error{ErrorCode::kUnavailable,
                     "cannot make a directory in " + base.string() + ": " + std::strerror(errno)};
    }
    TemporaryDirectory directory{fs::path(path)};
    if (owner && ::chown(path.c_str(), owner->uid, owner->gid) != 0) {
        return Error{ErrorCode::kUnavailable,
                     "cannot give " + path + " to " + owner->name + ": " + std::strerror(errno)};
    }
    return directory;
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace millrace::process
