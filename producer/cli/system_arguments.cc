// The arguments of `millrace queues`, `workers`, `completion`, `help`.
#include <fmt/format.h>

#include <memory>

#include "producer/cli/arguments.h"
#include "producer/cli/completion.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {

void add_system_commands(Program& program) {
    program.command("queues", "Show what waits in each lane", "",
                    [&program] { return run_queues(program.global); });
    program.command("workers", "Show the workers", "",
                    [&program] { return run_workers(program.global); });

    auto shell = std::make_shared<std::string>();
    auto& completion = program.command(
        "completion", "Print the completion script of a shell",
        "source <(millrace completion bash)                # in ~/.bashrc\n"
        "source <(millrace completion zsh)                 # in ~/.zshrc\n"
        "millrace completion fish | source                 # in config.fish",
        [&program, shell] {
            return print_out(completion_script(program, *shell)) ? int{kOk} : int{kFailure};
        });
    Arguments(program, completion)
        .choice("shell", *shell, "bash, zsh or fish", {"bash", "zsh", "fish"})
        ->required()
        ->type_name("");

    auto name = std::make_shared<std::string>();
    auto& help = program.command("help", "Show the help of a command", "millrace help submit",
                                 [&program, name] { return run_help(program, *name); });
    Arguments(program, help)
        .text("command", *name, "The command; default: all of them")
        ->type_name("");
}

void add_client_commands(Program& program) {
    add_submit(program);
    add_job_commands(program);
    add_bulk_commands(program);
    add_system_commands(program);
}

}  // namespace millrace::cli
