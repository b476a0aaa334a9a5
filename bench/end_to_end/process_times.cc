#include "bench/end_to_end/process_times.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace millrace::bench {
namespace {

struct Process {
    std::string program;
    int parent = 0;
    double seconds = 0;
};

// See proc(5): pid (program) state ppid …; fields 14 and 15 are the user and system time.
Process parse_stat(const std::string& text) {
    const auto open = text.find('(');
    const auto close = text.rfind(')');
    Process process{.program = text.substr(open + 1, close - open - 1)};
    std::istringstream fields(text.substr(close + 2));
    const std::vector<std::string> rest{std::istream_iterator<std::string>(fields), {}};
    process.parent = std::stoi(rest.at(1));
    const auto ticks = std::stod(rest.at(11)) + std::stod(rest.at(12));
    process.seconds = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
    return process;
}

std::map<int, Process> all_processes() {
    std::map<int, Process> processes;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::ifstream file(entry.path() / "stat");
        std::string text;
        if (std::getline(file, text)) processes[std::stoi(name)] = parse_stat(text);
    }
    return processes;
}

}  // namespace

std::map<std::string, double> cpu_seconds_by_program() {
    const auto processes = all_processes();
    const auto is_ours = [&](int pid) {
        while (pid > 1 && pid != ::getpid()) {
            const auto found = processes.find(pid);
            pid = found == processes.end() ? 0 : found->second.parent;
        }
        return pid == ::getpid();
    };
    std::map<std::string, double> seconds;
    for (const auto& [pid, process] : processes) {
        if (is_ours(pid)) seconds[process.program] += process.seconds;
    }
    return seconds;
}

}  // namespace millrace::bench
