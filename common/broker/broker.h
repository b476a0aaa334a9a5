// The conveyor as the rest of the system sees it: topics, a Publisher and a Subscriber.
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

// Derives the names of all topics from the prefix.
class Topics {
 public:
    explicit Topics(std::string prefix) : prefix_(std::move(prefix)) {}

    // "<prefix>.jobs.<queue>.<priority>"
    std::string jobs(std::string_view queue, Priority priority) const {
        return prefix_ + ".jobs." + std::string(queue) + "." + std::string(name(priority));
    }
    std::string events() const { return prefix_ + ".events"; }
    std::string control() const { return prefix_ + ".control"; }

    // The kind of a topic, as a label of metrics: "jobs", "events" or "control".
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

    // Passes the messages to the broker's client and returns how many it took, counted from the
    // front; the rest did not fit into its bounded buffer. A message that was taken may still be
    // lost.
    virtual std::size_t publish(const std::vector<OutgoingMessage>& messages) = 0;

    // Waits until everything taken has been sent or given up, at most `timeout`.
    virtual void flush(milliseconds timeout) = 0;
};

struct IncomingMessage {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::string value;
};

// Threads: one caller at a time, except that another thread may call close(). Blocks: poll() up to
// its timeout; the destructor for a bounded time.
class Subscriber {
 public:
    virtual ~Subscriber() = default;

    // Returns up to `max` messages: early if there are some, empty after `timeout`. Must be called
    // again within seconds, even if no more messages are wanted (see pause), because it keeps the
    // group membership alive. Broker errors are transient: they are logged and counted, never
    // returned.
    virtual std::vector<IncomingMessage> poll(std::size_t max, milliseconds timeout) = 0;

    // Marks everything in this partition up to and including `offset` as finished: it need not be
    // delivered again. Committed in the background. Ignored if the partition is not assigned.
    virtual void done(const std::string& topic, std::int32_t partition, std::int64_t offset) = 0;

    // Stop and restart the delivery of one topic; idempotent; they survive rebalances.
    virtual void pause(const std::string& topic) = 0;
    virtual void resume(const std::string& topic) = 0;

    // Leaves the group, if there is one, so that other members take over at once.
    virtual void close() = 0;
};

struct TopicSpec {
    std::string name;
    int partitions = 1;
};

// Makes the publishers, subscribers and topics of one broker.
//
// Threads: thread-safe.
class Broker {
 public:
    virtual ~Broker() = default;

    // Makes the topics that are missing and leaves existing ones as they are. kUnavailable if the
    // broker cannot be reached within `timeout`.
    virtual Status ensure_topics(const std::vector<TopicSpec>& topics, milliseconds timeout) = 0;

    virtual std::unique_ptr<Publisher> make_publisher() = 0;

    // Shares the topics' partitions with the other members of `group`. A group that has committed
    // nothing starts at the oldest message.
    virtual std::unique_ptr<Subscriber> subscribe(const std::string& group,
                                                  const std::vector<std::string>& topics) = 0;

    // Reads every partition of the topics from now on, outside any group.
    virtual std::unique_ptr<Subscriber> tail(const std::vector<std::string>& topics) = 0;
};

}  // namespace millrace::broker
