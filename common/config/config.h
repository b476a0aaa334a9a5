// The configuration of one process: the value of every setting, checked, and its origin.
//
// Values come from the default, the file, the environment, the flags and the assignments; each
// overrides the one before. The names of variables derive from those of the settings: gateway.port
// is MILLRACE_GATEWAY_PORT.
//
// Modules never see this type: main.cc reads the values and passes each module its own small
// options struct.
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
    // Holds the defaults.
    Config();

    // const auto port = config.get<Setting::kGatewayPort>();
    // Int and Bytes are std::int64_t, Duration is milliseconds, List is a vector of strings.
    template <Setting S>
    const auto& get() const {
        using Stored = typename ValueOf<info(S).type>::type;
        return std::get<Stored>(values_[static_cast<std::size_t>(S)]);
    }

    // An Int or Bytes whose declared bounds fit into the return type.
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
    std::vector<std::string> environment;  // "NAME=value"; only MILLRACE_… are used.
    std::vector<std::string> flags;        // "--name=value", or "--name" and "value".
    // "name=value", as for `millrace up --set`; settings of any program are allowed. These override
    // all other sources.
    std::vector<std::string> assignments;
};

// kInvalidArgument lists every problem, one per line: what is wrong, where it was given, what is
// allowed, and the nearest name for an unknown one. Settings of other programs are allowed
// everywhere except in flags.
Result<Config> load(Program program, const Sources& sources);

}  // namespace millrace::config
