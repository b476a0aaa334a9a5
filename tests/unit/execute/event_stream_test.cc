#include "worker/execute/event_stream.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/fakes.h"

namespace millrace::execute {
namespace {

// Brokers refuse a message that is too large, and so all events in it.
TEST(EventStream, BoundsTheTextOfEveryMessage) {
    const std::string text(100 << 10, 'x');
    using What = decltype(wire::Event::what);
    for (const auto& what :
         {What(wire::Partial{.text = text}), What(wire::Progress{.message = text}),
          What(wire::Requeued{.error_code = "http_500", .error_message = text})}) {
        test::FakePublisher publisher;
        const broker::Topics topics("test");
        OutputFeed outputs({});
        EventStream stream(publisher, topics, outputs, {.key = "worker"});
        stream.add(std::vector<wire::Event>(20, {.what = what}));
        stream.step();
        for (const auto& message : publisher.messages()) {
            EXPECT_LT(message.value.size(), 400U << 10) << what.index();
        }
        EXPECT_EQ(publisher.events(topics).size(), 20U);
    }
}

}  // namespace
}  // namespace millrace::execute
