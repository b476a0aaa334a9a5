// Broker on Apache Kafka (3.9 and 4.x) and on millrace-broker, through librdkafka.
//
// One producer serves all publishers and topic creation; each subscriber is a consumer of its own.
// Errors of the broker pass by themselves: they are logged (each kind at most every few seconds)
// and counted, and clients reconnect for ever.
//
// Two things of librdkafka 2.0.2 show outside. Destroying a consumer can hang for ever, once a
// topic that it read has vanished; so a subscriber's destructor waits a few seconds, then leaves
// the consumer and its threads behind. A program that has used subscribers should therefore end
// with _exit or std::quick_exit. And a process must not fork without exec while a broker exists.
//
// Threads:   thread-safe, publishers too; subscribers as broker.h says.
// Errors:    make: kInvalidArgument names the property that librdkafka refuses.
// Blocks:    ensure_topics and flush as told; a subscriber's destructor up to four seconds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/broker/broker.h"

namespace millrace::broker {

struct KafkaOptions {
    std::string bootstrap;               // host:port, separated by commas.
    std::string client_id = "millrace";  // Appears in the broker's logs and quotas.
    int replication_factor = 1;          // Of topics that are created.

    // How long the broker may hold a fetch open while it has nothing to send. Delays only what is
    // assigned or resumed; but on millrace-broker every message: use 10 ms there.
    milliseconds fetch_wait_max{100};
    // How long a silent member keeps its partitions. Apache Kafka refuses less than 6 s (its
    // group.min.session.timeout.ms); millrace-broker assigns nothing below 4 s, and each rebalance
    // takes it a second less than this.
    milliseconds session_timeout{10'000};
    milliseconds heartbeat_interval{2'000};
    // A name that outlives restarts makes a restarted member keep its partitions without a
    // rebalance; it then does not leave its group. Empty: a new member each time.
    std::string group_instance_id;

    milliseconds message_timeout{30'000};  // A message not acknowledged by then is given up.
    int buffer_messages_max = 100'000;     // Messages that wait for their acknowledgement.

    // Further properties of librdkafka as key=value, for TLS and SASL; they win over ours.
    std::vector<std::string> extra;
};

// Connects in the background: a broker that cannot be reached is no error here.
Result<std::unique_ptr<Broker>> make_kafka_broker(KafkaOptions options);

}  // namespace millrace::broker
