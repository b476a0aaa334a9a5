#include "common/config/rules.h"

namespace millrace::config {
namespace {

using enum Setting;

struct Rule {
    Programs programs;
    std::string_view text;
    bool (*holds)(const Config& config);
};

constexpr std::array kRules{
    Rule{Programs::kWorker,
         "worker.lease_ttl must be at least three times worker.heartbeat_interval",
         [](const Config& c) {
             return c.get<kWorkerLeaseTtl>() >= 3 * c.get<kWorkerHeartbeatInterval>();
         }},
    Rule{Programs::kWorker,
         "worker.lease_margin plus worker.heartbeat_interval must be less than worker.lease_ttl",
         [](const Config& c) {
             return c.get<kWorkerLeaseMargin>() + c.get<kWorkerHeartbeatInterval>() <
                    c.get<kWorkerLeaseTtl>();
         }},
    Rule{Programs::kBoth,
         "kafka.session_timeout must be at least three times kafka.heartbeat_interval",
         [](const Config& c) {
             return c.get<kKafkaSessionTimeout>() >= 3 * c.get<kKafkaHeartbeatInterval>();
         }},
    Rule{Programs::kBoth, "job.backoff_base must not exceed job.backoff_max",
         [](const Config& c) { return c.get<kJobBackoffBase>() <= c.get<kJobBackoffMax>(); }},
    Rule{Programs::kBoth, "queues must name at least one queue",
         [](const Config& c) { return !c.get<kQueues>().empty(); }},
    Rule{Programs::kGateway, "gateway.page_size_default must not exceed gateway.page_size_max",
         [](const Config& c) {
             return c.get<kGatewayPageSizeDefault>() <= c.get<kGatewayPageSizeMax>();
         }},
    Rule{Programs::kGateway,
         "keeper.partition_retention must be at least keeper.partition_interval",
         [](const Config& c) {
             return c.get<kKeeperPartitionRetention>() >= c.get<kKeeperPartitionInterval>();
         }},
    Rule{Programs::kWorker, "backend.llama.context must be at least backend.llama.slots times 16",
         [](const Config& c) {
             return c.get<kBackendLlamaContext>() >= c.get<kBackendLlamaSlots>() * 16;
         }},
};

bool concerns(const Rule& rule, Program program) {
    if (rule.programs == Programs::kBoth) return true;
    return (rule.programs == Programs::kGateway) == (program == Program::kGateway);
}

}  // namespace

std::vector<std::string> broken_rules(Program program, const Config& config) {
    std::vector<std::string> broken;
    for (const auto& rule : kRules) {
        if (concerns(rule, program) && !rule.holds(config)) broken.emplace_back(rule.text);
    }
    return broken;
}

}  // namespace millrace::config
