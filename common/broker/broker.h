// The conveyor, as the rest of the system sees it: topics, a Publisher and a Subscriber.
//
// A broker may lose, duplicate, delay and reorder every message; no caller relies on more. Payloads
// are bytes; common/wire gives them meaning.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/job/priority.h"

namespace millrace::broker {

// The names of all topics derive from the prefix.
class Topics {
 public:
    explicit Topics(std::string prefix) : prefix_(std::move(prefix)) {}

    // "<prefix>.jobs.<queue>.<priority>"
    std::string jobs(std::string_view queue, Priority priority) const {
        return prefix_ + ".jobs." + std::string(queue) + "." + std::string(name(priority));
    }
    std::string events() const { return prefix_ + ".events"; }
    std::string control() const { return prefix_ + ".control"; }

    // What a topic carries, as a label of metrics: "jobs", "events" or "control".
    static std::string_view channel(std::string_view topic) {
        if (topic.ends_with(".events")) return "events";
        if (topic.ends_with(".control")) return "control";
        return "jobs";
    }

 private:
    std::string prefix_;
};

struct OutgoingMessage {
    std::string topic;
    std::string key;  // Empty: any partition.
    std::string value;
};

// Threads: thread-safe. Blocks: only flush().
class Publisher {
 public:
    virtual ~Publisher() = default;

    // Hands the messages to the broker's client and returns how many it took, from the front; the
    // rest did not fit into its bounded buffer. A message that was taken may still be lost.
    virtual std::size_t publish(const std::vector<OutgoingMessage>& messages) = 0;

    // Waits until everything taken was sent or given up, at most `timeout`.
    virtual void flush(milliseconds timeout) = 0;
};

struct IncomingMessage {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::string value;
};

// Threads: one caller at a time, but for close(), which another thread may call. Blocks: poll() up
// to its timeout; the destructor up to a bounded time.
class Subscriber {
 public:
    virtual ~Subscriber() = default;

    // Up to `max` messages; returns early with what is there, empty after `timeout`. Must be called
    // again within seconds, also when nothing more is wanted (see pause): group membership is kept
    // alive from here. Errors of the broker are logged and counted, never returned: they pass.
    virtual std::vector<IncomingMessage> poll(std::size_t max, milliseconds timeout) = 0;

    // Everything of this partition up to and including `offset` is done with and need not be
    // delivered again. Committed in the background. Ignored for a partition that is not assigned.
    virtual void done(const std::string& topic, std::int32_t partition, std::int64_t offset) = 0;

    // Stops and restarts delivery of one topic; idempotent; survives rebalances.
    virtual void pause(const std::string& topic) = 0;
    virtual void resume(const std::string& topic) = 0;

    // Leaves the group so that others take over at once, where there is a group.
    virtual void close() = 0;
};

struct TopicSpec {
    std::string name;
    int partitions = 1;
};

// Makes publishers, subscribers and topics of one broker.
//
// Threads: thread-safe.
class Broker {
 public:
    virtual ~Broker() = default;

    // Topics that exist already are left as they are. kUnavailable when the broker cannot be
    // reached within `timeout`.
    virtual Status ensure_topics(const std::vector<TopicSpec>& topics, milliseconds timeout) = 0;

    virtual std::unique_ptr<Publisher> make_publisher() = 0;

    // Shares the topics' partitions with the other members of `group`. Starts, for a group that
    // has committed nothing, at the oldest message.
    virtual std::unique_ptr<Subscriber> subscribe(const std::string& group,
                                                  const std::vector<std::string>& topics) = 0;

    // Reads every partition of the topics from now on, outside any group.
    virtual std::unique_ptr<Subscriber> tail(const std::vector<std::string>& topics) = 0;
};

}  // namespace millrace::broker
