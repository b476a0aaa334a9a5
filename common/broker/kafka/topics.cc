#include "common/broker/kafka/topics.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

namespace millrace::broker::kafka {
namespace {

constexpr milliseconds kVerdict{100};

Error unavailable(const std::string& what, const std::string& why) {
    return {ErrorCode::kUnavailable, what + ": " + why};
}

// Looks up all topics of the cluster, or `only` one. On some brokers, looking one up creates it.
Result<Owned<const Metadata>> look_up(Producer& producer, rd_kafka_topic_t* only,
                                      MonoTime deadline) {
    const Metadata* answer = nullptr;
    const auto error = rd_kafka_metadata(producer.handle().get(), only == nullptr ? 1 : 0, only,
                                         &answer, to_timeout(until(deadline)));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return unavailable("Kafka does not answer", rd_kafka_err2str(error));
    }
    return Owned<const Metadata>(answer);
}

std::vector<TopicSpec> missing_in(const Metadata& cluster, std::vector<TopicSpec> topics) {
    std::set<std::string> existing;
    for (int i = 0; i < cluster.topic_cnt; ++i) existing.insert(cluster.topics[i].topic);
    std::erase_if(topics, [&](const auto& spec) { return existing.contains(spec.name); });
    return topics;
}

// The mock cluster names a controller that is not one of its brokers, and it cannot create topics.
bool has_controller(Producer& producer, const Metadata& cluster) {
    const auto controller = rd_kafka_controllerid(producer.handle().get(), 0);
    return std::any_of(cluster.brokers, cluster.brokers + cluster.broker_cnt,
                       [&](const auto& broker) { return broker.id == controller; });
}

Result<std::vector<Owned<rd_kafka_NewTopic_t>>> new_topics(const std::vector<TopicSpec>& topics,
                                                           int replication_factor) {
    std::vector<Owned<rd_kafka_NewTopic_t>> result;
    for (const auto& spec : topics) {
        std::array<char, 512> reason{};
        result.emplace_back(rd_kafka_NewTopic_new(
            spec.name.c_str(), spec.partitions, replication_factor, reason.data(), reason.size()));
        if (!result.back()) {
            return Error{ErrorCode::kInvalidArgument,
                         "topic '" + spec.name + "': " + reason.data()};
        }
    }
    return result;
}

Status check_results(const rd_kafka_event_t* event) {
    std::size_t count = 0;
    const auto* const* results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(const_cast<rd_kafka_event_t*>(event)), &count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto error = rd_kafka_topic_result_error(results[i]);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR ||
            error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            continue;
        }
        const char* text = rd_kafka_topic_result_error_string(results[i]);
        return unavailable(
            "topic '" + std::string(rd_kafka_topic_result_name(results[i])) + "' cannot be created",
            text != nullptr ? text : rd_kafka_err2str(error));
    }
    return ok();
}

// Looks them up one by one, which creates them on a broker that has no other way.
Status name_them(Producer& producer, const std::vector<TopicSpec>& topics, MonoTime deadline) {
    for (const auto& spec : topics) {
        TRY(const auto metadata, look_up(producer, producer.topic(spec.name), deadline));
        if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0) continue;
        return unavailable("topic '" + spec.name + "' cannot be created",
                           "Kafka has no controller");
    }
    return ok();
}

Status create(Producer& producer, const std::vector<TopicSpec>& topics, int replication_factor,
              MonoTime deadline) {
    auto* client = producer.handle().get();
    TRY(const auto wanted, new_topics(topics, replication_factor));
    std::vector<rd_kafka_NewTopic_t*> pointers;
    for (const auto& topic : wanted) pointers.push_back(topic.get());

    const Owned<rd_kafka_AdminOptions_t> options(
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS));
    const auto timeout = std::max(until(deadline), milliseconds(1));
    rd_kafka_AdminOptions_set_request_timeout(options.get(), to_timeout(timeout), nullptr, 0);
    rd_kafka_AdminOptions_set_operation_timeout(options.get(), to_timeout(timeout), nullptr, 0);
    const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(client));
    rd_kafka_CreateTopics(client, pointers.data(), pointers.size(), options.get(), queue.get());

    // Waits slightly longer, so that the library's own verdict arrives first.
    const Owned<rd_kafka_event_t> event(
        rd_kafka_queue_poll(queue.get(), to_timeout(timeout + kVerdict)));
    if (!event) return unavailable("topics cannot be created", "Kafka does not answer");
    const auto error = rd_kafka_event_error(event.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return unavailable("topics cannot be created", rd_kafka_event_error_string(event.get()));
    }
    return check_results(event.get());
}

}  // namespace

Status ensure_topics(Producer& producer, const std::vector<TopicSpec>& topics,
                     int replication_factor, milliseconds timeout) {
    const auto deadline = system_clock().now() + timeout;
    TRY(const auto cluster, look_up(producer, nullptr, deadline));
    const auto missing = missing_in(*cluster, topics);
    if (!missing.empty()) {
        TRY_STATUS(has_controller(producer, *cluster)
                       ? create(producer, missing, replication_factor, deadline)
                       : name_them(producer, missing, deadline));
    }
    // Makes the handles, so that the partitions are known when the first message comes.
    for (const auto& spec : topics) producer.topic(spec.name);
    return ok();
}

}  // namespace millrace::broker::kafka
