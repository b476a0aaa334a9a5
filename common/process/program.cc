#include "common/process/program.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace millrace::process {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

bool is_program(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

template <class Lookup>
std::optional<User> look_up_user(Lookup lookup) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer;
    if (lookup(&entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
        return std::nullopt;
    }
    return User{.uid = entry.pw_uid, .gid = entry.pw_gid, .name = entry.pw_name};
}

}  // namespace

std::optional<fs::path> find_program(std::string_view name, std::span<const fs::path> folders) {
    if (name.find('/') != std::string_view::npos) {
        return is_program(name) ? std::optional<fs::path>(name) : std::nullopt;
    }
    for (const fs::path& folder : folders) {
        if (is_program(folder / name)) return folder / name;
    }
    std::string path = environment("PATH");
    if (path.empty()) path = "/usr/local/bin:/usr/bin:/bin";
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        const fs::path candidate = fs::path(path.substr(begin, end - begin)) / name;
        if (end > begin && is_program(candidate)) return candidate;
        begin = end + 1;
    }
    return std::nullopt;
}

std::optional<fs::path> find_own_program(std::string_view name) {
    std::vector<fs::path> folders;
    if (const std::string folder = environment("MILLRACE_BIN"); !folder.empty()) {
        folders.emplace_back(folder);
    }
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    if (!error) folders.push_back(self.parent_path());
    return find_program(name, folders);
}

std::optional<User> find_user(const std::string& name) {
    return look_up_user([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
        return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
    });
}

std::optional<User> find_user(uid_t uid) {
    return look_up_user([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
        return ::getpwuid_r(uid, entry, buffer, size, found);
    });
}

std::map<std::string, std::string> environment_without(std::string_view prefix) {
    std::map<std::string, std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        if (!prefix.empty() && text.starts_with(prefix)) continue;
        result.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return result;
}

fs::path cache_directory() {
    if (const std::string cache = environment("MILLRACE_CACHE"); !cache.empty()) return cache;
    std::string home = environment("HOME");
    if (home.empty()) home = "/tmp";
    return fs::path(home) / ".cache" / "millrace";
}

}  // namespace millrace::process
