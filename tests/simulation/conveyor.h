// A broker that loses, repeats, delays and reorders its messages, and forgets them all in a wipe.
//
// The members of a group share the partitions of a topic; a new owner starts where the last commit
// was. A dead client leaves its group when its process is buried.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/broker/broker.h"
#include "tests/simulation/process.h"
#include "tests/simulation/weather.h"

namespace millrace::simulation {

// The state that outlives every client of the broker.
class Conveyor {
 public:
    Conveyor(World& world, const Weather::Conveyor& weather) : world_(world), weather_(weather) {}

    void wipe();
    bool is_away() const { return weather_.away; }

 private:
    friend class Client;

    struct Partition {
        std::vector<std::string> log;
        std::map<std::string, std::int64_t> committed;  // By group: the next offset.
    };
    using Topic = std::vector<Partition>;

    void make(const broker::TopicSpec& spec);
    std::size_t publish(const std::vector<broker::OutgoingMessage>& messages);
    void append_after(microseconds delay, const broker::OutgoingMessage& message);
    void append(const broker::OutgoingMessage& message);

    World& world_;
    const Weather::Conveyor& weather_;
    std::map<std::string, Topic> topics_;
    std::map<std::string, std::vector<const void*>> groups_;  // Members, by the name of the group.
    int changes_ = 0;                                         // Changes of groups, and wipes.
};

// One process's client of the broker.
class Client : public broker::Broker {
 public:
    Client(Conveyor& conveyor, Process& process) : conveyor_(conveyor), process_(process) {}

    Status ensure_topics(const std::vector<broker::TopicSpec>& topics,
                         milliseconds timeout) override;
    std::unique_ptr<broker::Publisher> make_publisher() override;
    std::unique_ptr<broker::Subscriber> subscribe(const std::string& group,
                                                  const std::vector<std::string>& topics) override;
    std::unique_ptr<broker::Subscriber> tail(const std::vector<std::string>& topics) override;

 private:
    class Producer;
    class Consumer;

    Conveyor& conveyor_;
    Process& process_;
};

}  // namespace millrace::simulation
