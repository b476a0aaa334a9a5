#include "tests/e2e/up.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace millrace::test {
namespace {

namespace fs = std::filesystem;

std::optional<pid_t> process_id(const fs::path& entry) {
    const auto name = entry.filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    return pid;
}

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

process::TemporaryDirectory make_up_directory() {
    auto directory = process::TemporaryDirectory::make("millrace-up-");
    if (!directory.has_value()) throw std::runtime_error(to_string(directory.error()));
    fs::permissions(directory->path(), fs::perms(0755));
    return *std::move(directory);
}

std::string url_of(RunningCommand& up) {
    const auto line = up.wait_for_line("Millrace is up at ");
    return line.substr(line.rfind(' ') + 1);
}

CommandResult interrupt(RunningCommand& up) {
    up.process().send(SIGINT);
    return up.wait();
}

pid_t child_of(pid_t parent, const std::string& program) {
    for (const auto& entry : fs::directory_iterator("/proc")) {
        std::ifstream stat(entry.path() / "stat");
        std::string pid;
        std::string name;
        char state = 0;
        pid_t ppid = 0;
        if (!(stat >> pid >> name >> state >> ppid) || ppid != parent) continue;
        if (name == "(" + program.substr(0, 15) + ")") return static_cast<pid_t>(std::stol(pid));
    }
    throw std::runtime_error("no child runs " + program);
}

std::vector<pid_t> processes_with(const std::string& text) {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto pid = process_id(entry.path());
        if (!pid) continue;
        for (const auto* file : {"cmdline", "environ"}) {
            if (content(entry.path() / file).find(text) == std::string::npos) continue;
            found.push_back(*pid);
            break;
        }
    }
    return found;
}

Variable::Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    const char* before = std::getenv(name_.c_str());
    was_set_ = before != nullptr;
    if (was_set_) before_ = before;
    ::setenv(name_.c_str(), value.c_str(), 1);
}

Variable::~Variable() {
    if (was_set_) {
        ::setenv(name_.c_str(), before_.c_str(), 1);
    } else {
        ::unsetenv(name_.c_str());
    }
}

std::string python_path() {
    return std::string(std::getenv("MILLRACE_SOURCE")) + "/worker/python";
}

}  // namespace millrace::test
