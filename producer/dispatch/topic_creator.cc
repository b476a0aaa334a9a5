#include "producer/dispatch/topic_creator.h"

#include "common/base/log.h"

namespace millrace::dispatch {

std::vector<broker::TopicSpec> topics_of(const broker::Topics& topics,
                                         const std::vector<std::string>& queues, int partitions) {
    std::vector<broker::TopicSpec> specs{{topics.events(), partitions}, {topics.control(), 1}};
    for (const auto& queue : queues) {
        for (const auto priority : kPriorities) {
            specs.push_back({topics.jobs(queue, priority), partitions});
        }
    }
    return specs;
}

bool TopicCreator::step() {
    const auto made = broker_.ensure_topics(topics_, timeout_);
    const bool failed = !made.has_value();
    if (failed && !failing_) {
        log_warning("topics cannot be created; workers find jobs in PostgreSQL meanwhile",
                    {{"reason", made.error().message}});
    }
    if (!failed && failing_) log_info("topics can be created again");
    failing_ = failed;
    return !failed;
}

}  // namespace millrace::dispatch
