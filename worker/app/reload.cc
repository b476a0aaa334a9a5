#include "worker/app/reload.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace millrace::worker {
namespace {

using namespace std::string_view_literals;

// These settings (connections, logs, addresses) belong to the process, not to a worker.
constexpr std::array kFixed{"postgres."sv, "kafka."sv, "log."sv, "worker.host"sv, "worker.port"sv};

bool is_fixed(const config::SettingInfo& row) {
    return config::is_used_by(row, config::Program::kWorker) &&
           std::any_of(kFixed.begin(), kFixed.end(),
                       [&](auto prefix) { return row.name.starts_with(prefix); });
}

}  // namespace

Result<Reloaded> reload(const config::Config& running, const config::Sources& sources) {
    TRY(auto config, config::load(config::Program::kWorker, sources));
    std::vector<std::string> need_restart;
    for (const auto& row : config::kSettings) {
        if (!is_fixed(row) || config.value(row.setting) == running.value(row.setting)) continue;
        need_restart.emplace_back(row.name);
        config.set(row.setting, running.value(row.setting), running.origin(row.setting));
    }
    return Reloaded{std::move(config), std::move(need_restart)};
}

}  // namespace millrace::worker
