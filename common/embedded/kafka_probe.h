// Asks a broker on this machine whether consumer groups can work, in Kafka's own protocol. Internal
// to the module: enough of the protocol for this one question.
//
// Blocks: at most about a second.
#pragma once

namespace millrace::embedded {

// True when the broker names a coordinator for a group. That needs a broker that the controller has
// admitted and the topic __consumer_offsets with a leader, which the question itself creates: after
// it, topics can be created and groups joined at once.
bool kafka_coordinator_ready(int port);

}  // namespace millrace::embedded
