// Broker on Apache Kafka (3.9 and 4.x) and on millrace-broker, through librdkafka.
//
// One producer serves all publishers and the creation of topics; each subscriber has its own
// consumer. Broker errors are transient: they are logged (each kind at most every ten seconds) and
// counted, and clients keep reconnecting.
//
// Two properties of librdkafka 2.0.2 show outside. First, destroying a consumer can hang forever
// once a topic that it read has vanished, and must wait while the group deals out the consumer's
// first partitions. So a subscriber's destructor waits a few seconds and then leaves the consumer
// and its threads behind. A program that has used subscribers should therefore
// end with _exit or std::quick_exit. Second, a process must not fork without exec while a broker
// exists.
//
// Threads:   thread-safe, and so are publishers; for subscribers see broker.h.
// Errors:    make_kafka_broker: kInvalidArgument, naming the property that librdkafka refuses.
// Blocks:    ensure_topics and flush, up to their timeout; a subscriber's destructor, up to four
//            seconds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/broker/broker.h"

namespace millrace::broker::kafka {

struct KafkaOptions {
    std::string bootstrap;               // Pairs of host:port, separated by commas.
    std::string client_id = "millrace";  // Appears in the broker's logs and quotas.
    int replication_factor = 1;          // For topics that it creates.

    // How long the broker may hold a fetch open while it has nothing to send. On Kafka this delays
    // only newly assigned or resumed partitions; on millrace-broker it delays every message, so use
    // 10 ms there.
    milliseconds fetch_wait_max{100};
    // How long a silent member keeps its partitions. Apache Kafka refuses less than 6 s (its
    // group.min.session.timeout.ms). millrace-broker assigns nothing below 4 s, and each of its
    // rebalances takes one second less than this timeout.
    milliseconds session_timeout{10'000};
    milliseconds heartbeat_interval{2'000};

    milliseconds message_timeout{30'000};  // A message not acknowledged by then is given up.
    int buffer_messages_max = 100'000;     // Messages that await acknowledgement.

    // Further librdkafka properties as key=value, for TLS and SASL; they override ours.
    std::vector<std::string> extra;
};

// Connects in the background: an unreachable broker is not an error here.
Result<std::unique_ptr<Broker>> make_kafka_broker(KafkaOptions options);

}  // namespace millrace::broker::kafka
