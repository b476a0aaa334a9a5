#include "common/config/startup.h"

#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "common/config/describe.h"

namespace millrace::config {
namespace {

constexpr int kExitBadSettings = 2;

struct CommandLine {
    Sources sources;
    std::string answer;  // The output of --help and its like; the program then ends.
    std::string problem;
    bool check_only = false;
};

std::string version_text(Program program) {
    return std::string(program_name(program)) + " " + MILLRACE_VERSION + "\n";
}

CommandLine parse(Program program, const std::vector<std::string>& arguments) {
    constexpr std::string_view kConfig = "--config";
    CommandLine line;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& argument = arguments[i];
        if (argument == "--help" || argument == "-h") {
            line.answer = help_text(program);
        } else if (argument == "--version") {
            line.answer = version_text(program);
        } else if (argument == "--check-config") {
            line.check_only = true;
        } else if (argument.starts_with(std::string(kConfig) + "=")) {
            line.sources.file = argument.substr(kConfig.size() + 1);
        } else if (argument == kConfig) {
            if (i + 1 == arguments.size()) {
                line.problem = "flag --config has no value";
            } else {
                line.sources.file = arguments[++i];
            }
        } else {
            line.sources.flags.push_back(argument);
            // The value of `--name value` may look like an option, but it is not one.
            const bool takes_next =
                argument.starts_with("--") && argument.find('=') == std::string::npos;
            if (takes_next && i + 1 < arguments.size()) {
                line.sources.flags.push_back(arguments[++i]);
            }
        }
    }
    return line;
}

Startup refuse(Program program, const std::string& problems) {
    std::fprintf(stderr, "%s: bad settings:\n%s\n", program_name(program).data(), problems.c_str());
    return {.exit_code = kExitBadSettings};
}

}  // namespace

Startup start(Program program, int argc, const char* const* argv, Check check) {
    auto line = parse(program, {argv + 1, argv + argc});
    if (!line.answer.empty()) {
        std::fputs(line.answer.c_str(), stdout);
        return {};
    }
    if (!line.problem.empty()) return refuse(program, line.problem);
    for (char** variable = environ; *variable != nullptr; ++variable) {
        line.sources.environment.emplace_back(*variable);
    }
    auto config = load(program, line.sources);
    if (!config.has_value()) return refuse(program, config.error().message);
    if (check != nullptr) {
        const auto checked = check(*config);
        if (!checked.has_value()) return refuse(program, "  " + checked.error().message);
    }
    if (line.check_only) {
        std::printf("configuration ok\n%s", effective_values(program, *config).c_str());
        return {};
    }
    return {.config = *std::move(config), .sources = std::move(line.sources)};
}

}  // namespace millrace::config
