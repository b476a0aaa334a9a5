#include "producer/cli/prompt.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/base/text.h"
#include "producer/cli/batches.h"
#include "producer/cli/json_text.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

Result<std::string> read_descriptor(int descriptor, const std::string& file) {
    std::string text;
    std::vector<char> piece(std::size_t{1} << 16);
    while (true) {
        const auto got = read(descriptor, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            return invalid(
                fmt::format("cannot read {}: {}", file_name(file), std::strerror(errno)));
        }
        if (got == 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > kInputBytesMax) {
            return invalid(fmt::format("{} is larger than {} MiB, the maximum", file_name(file),
                                       kInputBytesMax >> 20));
        }
    }
}

Result<std::string> read_prompt(const std::string& file) {
    TRY(auto text, read_input(file));
    text.erase(0, text.size() - without_byte_order_mark(text).size());
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (!is_utf8(text)) return invalid(fmt::format("{} is not UTF-8 text", file_name(file)));
    if (text.find('\0') != std::string::npos) {
        return invalid(fmt::format("{} has a NUL byte, which text must not have", file_name(file)));
    }
    return text;
}

Result<std::string> prompt_text(const SubmitOptions& options) {
    std::string text;
    if (!options.file.empty()) {
        TRY(text, read_prompt(options.file));
    } else if (options.prompt.front() == "-") {
        TRY(text, read_prompt("-"));
    } else {
        text = fmt::format("{}", fmt::join(options.prompt, " "));
    }
    if (text.empty()) return invalid("the prompt is empty");
    return text;
}

// The given option that does not go with --jsonl or --input; empty if there is none.
std::string_view misplaced(const SubmitOptions& options, bool many) {
    if (!options.prompt.empty()) return "a prompt";
    if (!options.file.empty()) return "--file";
    if (many && !options.input.empty()) return "--input";
    if (options.chat) return "--chat";
    if (options.tokens_max) return "--max-tokens";
    if (many && options.wait) return "--wait";
    if (many && options.follow) return "--follow";
    return "";
}

}  // namespace

Result<std::string> read_input(const std::string& file) {
    if (file == "-") return read_descriptor(STDIN_FILENO, file);
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return invalid(fmt::format("cannot read {}: {}", file_name(file), std::strerror(errno)));
    }
    auto text = read_descriptor(descriptor, file);
    close(descriptor);
    return text;
}

Status check_submit(const SubmitOptions& options) {
    const bool many = !options.jsonl.empty();
    if (many || !options.input.empty()) {
        const auto other = misplaced(options, many);
        if (other.empty()) return ok();
        return invalid(
            many ? fmt::format("--jsonl has a whole job on each line: {} cannot be used with it",
                               other)
                 : fmt::format("--input is the whole input: {} cannot be used with it", other));
    }
    if (!options.file.empty() && !options.prompt.empty()) {
        return invalid("give a prompt or --file, not both");
    }
    if (options.file.empty() && options.prompt.empty()) {
        return invalid(
            "nothing to submit: give a prompt (- reads standard input), --file, --input or "
            "--jsonl");
    }
    if (options.prompt.size() > 1 && options.prompt.front() == "-") {
        return invalid("- reads the prompt from standard input: no words may follow it");
    }
    return ok();
}

Result<std::string> input_json(const SubmitOptions& options) {
    if (!options.input.empty()) {
        const auto fault = object_fault(options.input, trimmed(options.input));
        if (fault.empty()) return options.input;
        return invalid(fmt::format(
            "--input must be a JSON object, such as '{{\"prompt\": \"hello\"}}'; {}", fault));
    }
    TRY(const auto prompt, prompt_text(options));
    auto input = options.chat ? fmt::format(R"({{"messages":[{{"role":"user","content":{}}}])",
                                            json_string(prompt))
                              : fmt::format(R"({{"prompt":{})", json_string(prompt));
    if (options.tokens_max) input += fmt::format(R"(,"max_tokens":{})", *options.tokens_max);
    return input + "}";
}

std::string envelope_json(const SubmitOptions& options) {
    auto job = nlohmann::json::object();
    const auto add = [](nlohmann::json& object, const char* name, const std::string& value) {
        if (!value.empty()) object[name] = value;
    };
    add(job, "queue", options.queue);
    add(job, "priority", options.priority);
    add(job, "run_at", options.run_at);
    auto policy = nlohmann::json::object();
    add(policy, "execution_timeout", options.timeout);
    add(policy, "start_within", options.start_within);
    add(policy, "ttl", options.ttl);
    if (options.attempts_max) policy["max_attempts"] = *options.attempts_max;
    if (!policy.empty()) job["policy"] = policy;
    for (const auto& pair : options.metadata) {
        const auto equals = pair.find('=');
        job["metadata"][pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return job.dump();
}

}  // namespace millrace::cli
