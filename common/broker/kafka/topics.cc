#include "common/broker/kafka/topics.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

namespace millrace::broker {
namespace {

constexpr milliseconds kVerdict{100};

milliseconds until(MonoTime deadline) {
    return std::chrono::duration_cast<milliseconds>(deadline - system_clock().now());
}

Error unavailable(const std::string& what, const std::string& why) {
    return {ErrorCode::kUnavailable, what + ": " + why};
}

// All topics of the cluster, or `only` one. Asking for one makes it, on brokers that do so.
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

Result<std::vector<TopicSpec>> missing_of(Producer& producer, std::vector<TopicSpec> topics,
                                          MonoTime deadline) {
    TRY(const auto metadata, look_up(producer, nullptr, deadline));
    std::set<std::string> existing;
    for (int i = 0; i < metadata->topic_cnt; ++i) existing.insert(metadata->topics[i].topic);
    std::erase_if(topics, [&](const auto& spec) { return existing.contains(spec.name); });
    return topics;
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
            "topic '" + std::string(rd_kafka_topic_result_name(results[i])) + "' cannot be made",
            text != nullptr ? text : rd_kafka_err2str(error));
    }
    return ok();
}

// False when this broker has no such request.
Result<bool> create(Producer& producer, const std::vector<TopicSpec>& topics,
                    int replication_factor, MonoTime deadline) {
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

    // A little longer, so that the library's own verdict is heard.
    const Owned<rd_kafka_event_t> event(
        rd_kafka_queue_poll(queue.get(), to_timeout(timeout + kVerdict)));
    if (!event) return unavailable("topics cannot be made", "Kafka does not answer");
    const auto error = rd_kafka_event_error(event.get());
    if (error == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE) return false;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return unavailable("topics cannot be made", rd_kafka_event_error_string(event.get()));
    }
    TRY_STATUS(check_results(event.get()));
    return true;
}

}  // namespace

Status ensure_topics(Producer& producer, const std::vector<TopicSpec>& topics,
                     int replication_factor, milliseconds timeout) {
    const auto deadline = system_clock().now() + timeout;
    TRY(const auto missing, missing_of(producer, topics, deadline));
    bool created = true;
    if (!missing.empty()) {
        TRY(created, create(producer, missing, replication_factor, deadline));
    }
    if (!created) {
        // The mock cluster: it makes a topic when it is asked for it.
        for (const auto& spec : missing) {
            TRY_STATUS(look_up(producer, producer.topic(spec.name), deadline));
        }
    }
    // So that the first message to each finds its partitions known.
    for (const auto& spec : topics) producer.topic(spec.name);
    return ok();
}

}  // namespace millrace::broker
