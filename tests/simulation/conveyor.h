// A broker that loses, repeats, delays and reorders what it is given, and forgets it all when told.
//
// Partitions of a topic are shared by the members of a group; who takes one over starts where the
// last commit was. Whoever dies leaves its group when its process is buried.
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

// What outlives every client of it.
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
    int changes_ = 0;                                         // Of groups, and wipes.
};

// One process's client of it.
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
