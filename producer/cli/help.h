// Formats `--help`: options in one column, with their descriptions wrapped to the terminal's width,
// and the options of all commands below each command's own.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Formatter.hpp>
#include <string>

namespace millrace::cli {

class HelpFormatter : public CLI::Formatter {
 public:
    std::string make_usage(const CLI::App* app, std::string name) const override;
    std::string make_option(const CLI::Option* option, bool is_positional) const override;
    std::string make_subcommand(const CLI::App* command) const override;
};

// The end of a command's help: its examples and the options of all commands.
std::string help_footer(const std::string& examples);

}  // namespace millrace::cli
