#include "common/process/temporary_directory.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "common/process/child_process.h"

namespace millrace::process {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kProbeTimeout{10'000};

// Where a directory may be made, in order of preference. A TMPDIR that is missing or not writable
// must not keep a program from working.
std::vector<fs::path> temporary_bases() {
    std::vector<fs::path> bases;
    const char* chosen = std::getenv("TMPDIR");
    if (chosen != nullptr && *chosen == '/') bases.emplace_back(chosen);
    bases.insert(bases.end(), {"/tmp", "/var/tmp", "/dev/shm"});
    return bases;
}

Error failure(const std::string& what) {
    return {ErrorCode::kUnavailable, what + ": " + std::strerror(errno)};
}

// Changes the owner, and proves that the new one can reach the directory: a folder above it may be
// private.
Status hand_over(const fs::path& path, const User& owner) {
    if (::chown(path.c_str(), owner.uid, owner.gid) != 0) {
        return failure("cannot give " + path.string() + " to " + owner.name);
    }
    ChildOptions probe{
        .argv = {"test", "-w", path.string()}, .directory = "/", .user = std::optional(owner)};
    if (run_to_end(std::move(probe), kProbeTimeout).has_value()) return ok();
    return Error{ErrorCode::kUnavailable,
                 owner.name + " cannot enter " + path.parent_path().string()};
}

}  // namespace

Result<TemporaryDirectory> TemporaryDirectory::make_in(const fs::path& base,
                                                       const std::string& prefix,
                                                       const std::optional<User>& owner,
                                                       const PathRule& fits) {
    std::string path = (base / (prefix + "XXXXXX")).string();
    if (!fits(path)) {
        return Error{
            ErrorCode::kUnavailable,
            base.string() + ": its path is too long, or has a character that is not allowed"};
    }
    if (::mkdtemp(path.data()) == nullptr) return failure(base.string());
    TemporaryDirectory directory{fs::path(path)};
    if (owner) TRY_STATUS(hand_over(path, *owner));
    return directory;
}

Result<TemporaryDirectory> TemporaryDirectory::make(const std::string& prefix,
                                                    const std::optional<User>& owner,
                                                    const PathRule& fits) {
    std::string reasons;
    for (const auto& base : temporary_bases()) {
        auto made = make_in(base, prefix, owner, fits);
        if (made.has_value()) return made;
        reasons += (reasons.empty() ? "" : "; ") + made.error().message;
    }
    return Error{ErrorCode::kUnavailable, "cannot make a temporary directory: " + reasons};
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
