// RAII over librdkafka's C API: a client with its callbacks, lists of partitions, errors. Internal
// to the module; only the module's files include <librdkafka/rdkafka.h>.
#pragma once

#include <librdkafka/rdkafka.h>

#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/broker/kafka/properties.h"
#include "common/broker/kafka/reporter.h"

namespace millrace::broker::kafka {

// An alias, because a function has the same name as the struct.
using Metadata = struct rd_kafka_metadata;

struct DestroyWith {
    void operator()(rd_kafka_topic_partition_list_t* list) const {
        rd_kafka_topic_partition_list_destroy(list);
    }
    void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
    void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
    void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
    void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
    void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
    void operator()(rd_kafka_AdminOptions_t* options) const {
        rd_kafka_AdminOptions_destroy(options);
    }
    void operator()(const Metadata* metadata) const { rd_kafka_metadata_destroy(metadata); }
};
template <class T>
using Owned = std::unique_ptr<T, DestroyWith>;

using PartitionList = Owned<rd_kafka_topic_partition_list_t>;

// Clamps a duration to the range that the C API takes.
int to_timeout(milliseconds duration);

// The time left until the deadline; negative if it has passed.
milliseconds until(MonoTime deadline);

// The calls that a client makes to its owner, apart from its reports.
struct Callbacks {
    // Runs within the calls that serve a consumer; must assign or unassign the partitions.
    std::function<void(rd_kafka_resp_err_t, const rd_kafka_topic_partition_list_t&)> on_rebalance;
    // Runs within the calls that serve a producer.
    std::function<void(const rd_kafka_message_t&)> on_undelivered;
};

// One client with its threads.
//
// Everything made from it (topics, messages, queues) must be destroyed before it.
class Handle {
 public:
    // kInvalidArgument names the property that was refused but never its value, which may be a
    // secret.
    static Result<Handle> make(rd_kafka_type_t type, const Properties& properties,
                               const Properties& extra, Callbacks callbacks);

    Handle(Handle&& other) noexcept;
    Handle& operator=(Handle&&) = delete;
    ~Handle();  // Destroys without closing a consumer: see Consumer.

    rd_kafka_t* get() const { return client_; }
    Reporter& reporter() const { return state_->reporter; }

 private:
    // The state that librdkafka's threads use; its address never changes.
    struct State {
        Reporter reporter;
        Callbacks callbacks;
    };

    explicit Handle(std::unique_ptr<State> state) : state_(std::move(state)) {}

    static void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text);
    static void on_error(rd_kafka_t* client, int error, const char* reason, void* state);
    static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t error,
                             rd_kafka_topic_partition_list_t* partitions, void* state);
    static void on_delivery(rd_kafka_t* client, const rd_kafka_message_t* message, void* state);

    std::unique_ptr<State> state_;
    rd_kafka_t* client_ = nullptr;
};

}  // namespace millrace::broker::kafka
