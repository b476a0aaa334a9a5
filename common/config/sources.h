// Reads each source of settings as names and texts, not yet checked.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace millrace::config {

struct Assignment {
    std::string name;  // As in the table, if it is known at all.
    std::string text;
    std::string origin;  // "file millrace.yaml:3"
};

struct Reading {
    std::vector<Assignment> assignments;
    std::vector<std::string> problems;  // Sentences for a person.
};

// Nested and dotted keys mean the same; a sequence is a list. Never throws.
Reading read_yaml_file(const std::string& path);

// Reads variables that begin with MILLRACE_, except those that are not settings (environment.cc).
Reading read_environment(std::span<const std::string> variables);

// Repeated flags of a list add up; for other settings the last one counts.
Reading read_flags(std::span<const std::string> arguments);

// Reads "name=value" pairs from `--set`; those of a list add up too.
Reading read_assignments(std::span<const std::string> pairs);

// "MILLRACE_GATEWAY_PORT"
std::string variable_name(std::string_view setting);

}  // namespace millrace::config
