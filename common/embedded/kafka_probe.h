// Asks a broker on this machine, in Kafka's own protocol, whether consumer groups can work.
// Internal to the module; implements only as much of the protocol as this question needs.
//
// Blocks: at most about a second.
#pragma once

namespace millrace::embedded {

// Returns true if the broker names a coordinator for a group. That requires that the controller has
// admitted the broker, and that the topic __consumer_offsets has a leader (the request itself
// creates it). After that, topics can be created and groups joined at once.
bool kafka_coordinator_ready(int port);

}  // namespace millrace::embedded
