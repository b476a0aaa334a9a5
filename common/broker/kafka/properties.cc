#include "common/broker/kafka/properties.h"

#include <algorithm>

namespace millrace::broker::kafka {
namespace {

constexpr milliseconds kSocketTimeout{10'000};
constexpr milliseconds kAcknowledgeTimeout{5'000};  // For the replicas, on the broker.
constexpr milliseconds kPollIntervalMax{60'000};
constexpr milliseconds kAutoCommitInterval{500};
constexpr milliseconds kConsumerMetadataInterval{3'000};  // How late a new topic may be noticed.

std::string text(milliseconds value) {
    return std::to_string(value.count());
}

Properties common_properties(const KafkaOptions& options) {
    return {
        {"bootstrap.servers", options.bootstrap},
        {"client.id", options.client_id},
        // Nagle is on by default before librdkafka 2.10; it costs 5 ms at the 99th percentile, more
        // with TLS.
        {"socket.nagle.disable", "true"},
        {"socket.keepalive.enable", "true"},
        {"socket.timeout.ms", text(kSocketTimeout)},
        {"socket.connection.setup.timeout.ms", "5000"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "1000"},
        // Brokers close idle connections; that is not worth a log line.
        {"log.connection.close", "false"},
        // ensure_topics makes the topics, with the requested number of partitions.
        {"allow.auto.create.topics", "false"},
    };
}

Properties consumer_properties(const KafkaOptions& options) {
    auto properties = common_properties(options);
    properties.insert(
        properties.end(),
        {
            {"enable.auto.offset.store", "false"},
            // Used if the broker lacks the offset; the messages that it has may be new.
            {"auto.offset.reset", "earliest"},
            {"isolation.level", "read_uncommitted"},
            {"fetch.min.bytes", "1"},
            {"fetch.wait.max.ms", text(options.fetch_wait_max)},
            {"fetch.error.backoff.ms", "50"},
            {"fetch.message.max.bytes", "262144"},
            // The amount that one topic keeps fetched. A fetcher that stops at either limit may
            // look again only after a second (in librdkafka 2.0.2), so each must last for a second
            // at full speed.
            {"queued.min.messages", "20000"},
            {"queued.max.messages.kbytes", "16384"},
            {"topic.metadata.refresh.interval.ms", text(kConsumerMetadataInterval)},
            {"topic.metadata.refresh.fast.interval.ms", "100"},
        });
    return properties;
}

}  // namespace

Result<Properties> extra_properties(const KafkaOptions& options) {
    Properties properties;
    for (const auto& entry : options.extra) {
        const auto equals = entry.find('=');
        if (equals == std::string::npos || equals == 0) {
            // The entry itself may be a secret.
            return Error{ErrorCode::kInvalidArgument,
                         "an entry of kafka.extra is not of the form key=value"};
        }
        properties.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return properties;
}

Properties producer_properties(const KafkaOptions& options) {
    auto properties = common_properties(options);
    properties.insert(
        properties.end(),
        {
            {"acks", "all"},
            // Duplicates are harmless here. In librdkafka 2.0.2 an idempotent producer can end in a
            // fatal error, or lose records to a broker that was wiped.
            {"enable.idempotence", "false"},
            {"max.in.flight.requests.per.connection", "5"},
            // Callers already publish in batches, at their own pace.
            {"linger.ms", "0"},
            // We choose the partitions ourselves: see Spread.
            {"sticky.partitioning.linger.ms", "0"},
            {"batch.size", "262144"},
            {"compression.codec", "lz4"},
            {"message.max.bytes", "1048576"},
            {"message.timeout.ms", text(options.message_timeout)},
            {"request.timeout.ms", text(std::min(options.message_timeout, kAcknowledgeTimeout))},
            {"queue.buffering.max.messages", std::to_string(options.buffer_messages_max)},
            {"queue.buffering.max.kbytes", "131072"},
            // Reports of success hold memory until they are fetched.
            {"delivery.report.only.error", "true"},
            {"topic.metadata.refresh.interval.ms", "30000"},
            {"topic.metadata.propagation.max.ms", "10000"},
        });
    return properties;
}

Properties group_properties(const KafkaOptions& options, const std::string& group) {
    auto properties = consumer_properties(options);
    properties.insert(
        properties.end(),
        {
            {"group.id", group},
            // When a member dies or joins, eager members stop for seconds; cooperative ones do not.
            {"partition.assignment.strategy", "cooperative-sticky"},
            {"session.timeout.ms", text(options.session_timeout)},
            {"heartbeat.interval.ms", text(options.heartbeat_interval)},
            {"max.poll.interval.ms", text(std::max(kPollIntervalMax, options.session_timeout))},
            {"enable.auto.commit", "true"},
            {"auto.commit.interval.ms", text(kAutoCommitInterval)},
        });
    return properties;
}

Properties tail_properties(const KafkaOptions& options) {
    auto properties = consumer_properties(options);
    properties.insert(properties.end(), {
                                            // The library requires a name; no group is joined.
                                            {"group.id", options.client_id + ".tail"},
                                            {"enable.auto.commit", "false"},
                                        });
    return properties;
}

}  // namespace millrace::broker::kafka
