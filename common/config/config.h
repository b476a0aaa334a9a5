// The configuration of one process: every setting's value, checked, and where it came from.
//
// Values come from, each overriding the one before: the default, the file, the environment, the
// flags. The names of variables derive from the settings': gateway.port is MILLRACE_GATEWAY_PORT.
//
// Modules never see this: main.cc reads values and hands each module its own small options struct.
//
// Threads:   immutable after loading.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/settings.h"

namespace millrace::config {

class Config {
 public:
    // The defaults.
    Config();

    // const auto port = config.get<Setting::kGatewayPort>();
    // Int and Bytes are std::int64_t, Duration is milliseconds, List is a vector of strings.
    template <Setting S>
    const auto& get() const {
        using Stored = typename ValueOf<info(S).type>::type;
        return std::get<Stored>(values_[static_cast<std::size_t>(S)]);
    }

    // An Int or Bytes that is bounded by its declaration to the range of the type.
    template <Setting S>
    int integer() const {
        return static_cast<int>(get<S>());
    }
    template <Setting S>
    std::size_t size() const {
        return static_cast<std::size_t>(get<S>());
    }

    const Value& value(Setting setting) const { return values_[static_cast<std::size_t>(setting)]; }
    // "default", "file millrace.yaml:3", "variable MILLRACE_GATEWAY_PORT", "flag --gateway.port"
    const std::string& origin(Setting setting) const {
        return origins_[static_cast<std::size_t>(setting)];
    }
    void set(Setting setting, Value value, std::string origin);

 private:
    std::array<Value, kSettings.size()> values_;
    std::array<std::string, kSettings.size()> origins_;
};

struct Sources {
    std::string file;                      // Path of a YAML file; empty: none.
    std::vector<std::string> environment;  // "NAME=value"; only MILLRACE_… are looked at.
    std::vector<std::string> flags;        // "--name=value", or "--name" and "value".
    // "name=value", as `millrace up --set` takes them, for any program; override all the others.
    std::vector<std::string> assignments;
};

// kInvalidArgument lists every problem, one a line: what is wrong, where it was given, what is
// allowed, and the nearest name for an unknown one. A file may hold settings of other programs.
Result<Config> load(Program program, const Sources& sources);

}  // namespace millrace::config
