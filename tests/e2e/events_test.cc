// The text that a reader of a running job's events puts together, through the real programs: byte
// for byte, whenever it joined and however often it was cut off.

#include <gtest/gtest.h>

#include <utility>

#include "common/http/sse_parser.h"
#include "tests/e2e/stack.h"

namespace millrace::test {
namespace {

constexpr std::size_t kEventBytesMax = 1 << 20;

class Events : public testing::Test {
 protected:
    // Checkpoints are far rarer than deltas, so a reader that joins late always finds a gap.
    static void SetUpTestSuite() {
        stack_ = new Stack({.settings = {{"worker.partial_interval", "700ms"}}});
    }
    static void TearDownTestSuite() { delete std::exchange(stack_, nullptr); }

    // Starts a job of 100 pieces; returns when the first is in its row.
    std::string start_job() {
        const auto id =
            stack.submit(synthetic_job({{"ms", 4000}, {"partials", 100}, {"output_bytes", 2000}}));
        auto job = stack.job(id);
        while (job["partial_output"].is_null() && job["status"] != "completed") job = stack.job(id);
        return id;
    }

    // Does what clients do: appends deltas, and drops them all when the text is void. Hangs up
    // after a given number.
    struct Reader {
        std::string text;
        std::string last_id;
        std::string last_type;
        int deltas = 0;

        void take(const http::ServerEvent& event) {
            const auto data = Json::parse(event.data);
            last_type = event.type;
            last_id = event.id;
            if (event.type == "job.created" || event.type == "job.started") text.clear();
            if (event.type != "job.output.delta") return;
            EXPECT_EQ(data["offset"], text.size());
            text += data["delta"].get<std::string>();
            ++deltas;
        }
    };
    void read(const std::string& id, Reader& reader, int deltas_max = 1'000'000) {
        http::SseParser parser(kEventBytesMax);
        std::vector<http::ServerEvent> events;
        http::Request request{.url = stack.url() + "/v1/jobs/" + id + "/events"};
        if (!reader.last_id.empty()) request.headers = {"Last-Event-ID: " + reader.last_id};
        const auto until = reader.deltas + deltas_max;
        (void)http_.stream(request, [&](std::string_view bytes) {
            EXPECT_TRUE(parser.feed(bytes, events));
            for (const auto& event : std::exchange(events, {})) {
                if (reader.deltas < until) reader.take(event);
            }
            return reader.deltas < until;
        });
    }
    std::string text_of(const std::string& id) {
        return stack.wait_until_final(id)["output"]["choices"][0]["text"];
    }

    static inline Stack* stack_ = nullptr;
    Stack& stack = *stack_;
    http::Client http_;
};

TEST_F(Events, AReaderThatJoinsLateGetsAllOfTheText) {
    for (int i = 0; i < 3; ++i) {
        const auto id = start_job();
        Reader reader;
        read(id, reader);
        EXPECT_EQ(reader.last_type, "job.completed");
        // A reader that joins after the end gets only the output.
        if (reader.deltas > 0) {
            EXPECT_EQ(reader.text, text_of(id));
        }
    }
}

TEST_F(Events, AReaderThatIsCutOffAgainAndAgainGetsAllOfTheText) {
    const auto id = start_job();
    Reader reader;
    while (reader.last_type != "job.completed") read(id, reader, 7);
    if (reader.deltas > 0) {
        EXPECT_EQ(reader.text, text_of(id));
    }
}

TEST_F(Events, AReaderThatComesBackAfterTheEndGetsTheRest) {
    const auto id = start_job();
    Reader reader;
    read(id, reader, 3);
    const auto text = text_of(id);
    if (reader.last_type != "job.completed") read(id, reader);
    if (reader.deltas > 0) {
        EXPECT_EQ(reader.text, text);
    }
    EXPECT_EQ(reader.last_type, "job.completed");
}

}  // namespace
}  // namespace millrace::test
