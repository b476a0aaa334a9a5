#include "common/process/listeners.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>

namespace millrace::process {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListening = "0A";

template <class Number>
std::optional<Number> parse(std::string_view text, int base) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// The names of the sockets, in the form of the links in /proc/PID/fd: "socket:[12345]".
std::set<std::string> sockets_of(int port) {
    std::set<std::string> sockets;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream file(table);
        std::string line;
        std::getline(file, line);  // The heading.
        while (std::getline(file, line)) {
            std::istringstream fields(line);
            std::string number;
            std::string local;
            std::string remote;
            std::string state;
            std::string skipped;
            std::string inode;
            fields >> number >> local >> remote >> state;
            for (int i = 0; i < 5; ++i) fields >> skipped;
            if (!(fields >> inode) || state != kListening) continue;
            const auto colon = local.rfind(':');
            if (colon == std::string::npos) continue;
            if (parse<int>(std::string_view(local).substr(colon + 1), 16) != port) continue;
            sockets.insert("socket:[" + inode + "]");
        }
    }
    return sockets;
}

bool has_one_of(const fs::path& process, const std::set<std::string>& sockets) {
    std::error_code error;
    for (fs::directory_iterator fd(process / "fd", error), end; !error && fd != end;
         fd.increment(error)) {
        std::error_code gone;
        if (sockets.contains(fs::read_symlink(fd->path(), gone).string())) return true;
    }
    return false;
}

Listener describe(pid_t pid, const fs::path& process) {
    Listener listener{.pid = pid, .command = {}, .parent = 0};
    std::ifstream name(process / "comm");
    std::getline(name, listener.command);
    std::ifstream file(process / "status");
    for (std::string line; std::getline(file, line);) {
        constexpr std::string_view kParent = "PPid:\t";
        if (!line.starts_with(kParent)) continue;
        listener.parent = parse<pid_t>(line.substr(kParent.size()), 10).value_or(0);
    }
    return listener;
}

}  // namespace

std::vector<Listener> listeners(int port) {
    std::vector<Listener> found;
    const auto sockets = sockets_of(port);
    std::error_code error;
    if (sockets.empty()) return found;
    for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
         entry.increment(error)) {
        const auto pid = parse<pid_t>(entry->path().filename().native(), 10);
        if (pid && has_one_of(entry->path(), sockets)) {
            found.push_back(describe(*pid, entry->path()));
        }
    }
    return found;
}

}  // namespace millrace::process
