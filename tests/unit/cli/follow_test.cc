// A job's events on a terminal and in a pipe, over connections that break.
#include "producer/cli/follow.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using testing::ElementsAre;

class Follow : public testing::Test {
 protected:
    explicit Follow(bool meet = false, bool holds = false)
        : follower_({.text = [this](std::string_view text) { text_ += text; },
                     .event = [this](std::string_view line) { events_.emplace_back(line); },
                     .text_and_events_meet = meet,
                     .holds_text = holds}) {
        follower_.begin_stream();
    }

    bool send(const Json& event) {
        return follower_.take({.type = event.value("type", ""), .data = event.dump()});
    }
    void start(int epoch = 1) {
        send({{"type", "job.started"}, {"epoch", epoch}, {"worker", "w"}});
    }
    void delta(const std::string& text) { send({{"type", "job.output.delta"}, {"delta", text}}); }
    void progress(double fraction, const std::string& message) {
        send({{"type", "job.progress"},
              {"progress", {{"fraction", fraction}, {"message", message}}}});
    }
    void complete(const std::string& text) {
        EXPECT_FALSE(send({{"type", "job.completed"},
                           {"job", {{"status", "completed"}, {"output", {{"text", text}}}}}}));
    }

    void fail() { EXPECT_FALSE(send({{"type", "job.failed"}, {"job", {{"status", "failed"}}}})); }

    std::string text_;
    std::vector<std::string> events_;
    Follower follower_;
};

class FollowOnATerminal : public Follow {
 protected:
    FollowOnATerminal() : Follow(true) {}
};

class FollowInAPipe : public Follow {
 protected:
    FollowInAPipe() : Follow(false, true) {}
};

TEST_F(Follow, PrintsTextAndEventsApart) {
    send({{"type", "job.created"}, {"status", "queued"}});
    send({{"type", "job.queued"}});
    start();
    delta("Hel");
    progress(0.33, "half way");
    delta("lo");
    complete("Hello");
    EXPECT_EQ(text_, "Hello\n");
    EXPECT_THAT(events_,
                ElementsAre("queued", "started on w", "progress 33 % half way", "completed"));
    EXPECT_EQ(follower_.final_status(), "completed");
}

TEST_F(Follow, PrintsTheOutputIfNoTextCame) {
    start();
    complete("all of it");
    EXPECT_EQ(text_, "all of it\n");
}

TEST_F(Follow, SaysWhyAJobFailed) {
    start();
    send({{"type", "job.retrying"}, {"status", "queued"}});
    start(2);
    EXPECT_FALSE(send({{"type", "job.failed"},
                       {"job",
                        {{"status", "failed"},
                         {"error", {{"code", "model_error"}, {"message", "no memory"}}}}}}));
    EXPECT_EQ(text_, "");
    EXPECT_THAT(events_, ElementsAre("started on w", "retrying", "started on w",
                                     "failed: model_error: no memory"));
}

TEST_F(Follow, ANewConnectionRepeatsNothing) {
    send({{"type", "job.queued"}});
    start();
    delta("one two ");
    follower_.begin_stream();
    send({{"type", "job.queued"}});
    start();
    delta("one ");
    delta("two three");
    delta(" four");
    complete("one two three four");
    EXPECT_EQ(text_, "one two three four\n");
    EXPECT_THAT(events_, ElementsAre("queued", "started on w", "completed"));
}

TEST_F(Follow, ANewConnectionAfterTheEndPrintsTheRest) {
    start();
    delta("one ");
    follower_.begin_stream();
    complete("one two");
    EXPECT_EQ(text_, "one two\n");
}

TEST_F(Follow, MissedTextComesAtTheEnd) {
    start();
    delta("one two three ");
    follower_.begin_stream();
    start();
    delta("one ");
    delta("four ");  // The text in between was lost.
    complete("one two three four five");
    EXPECT_EQ(text_, "one two three four five\n");
}

TEST_F(Follow, TextWithAHoleIsFollowedByTheWholeText) {
    start();
    delta("one ");
    delta("three");
    complete("one two three");
    EXPECT_EQ(text_, "one threeone two three\n");
    EXPECT_THAT(events_,
                ElementsAre("started on w",
                            "the text above is incomplete; the whole output follows", "completed"));
}

TEST_F(Follow, ARetryVoidsTheText) {
    start();
    delta("wrong");
    send({{"type", "job.retrying"}, {"status", "queued"}});
    start(2);
    delta("right");
    complete("right");
    EXPECT_EQ(text_, "wrongright\n");
    EXPECT_THAT(events_, ElementsAre("started on w", "retrying; ignore the text above",
                                     "started on w", "completed"));
}

TEST_F(Follow, SaysWhyTheJobIsRetried) {
    start();
    const Json error{{"code", "model_error"}, {"message", "no\nmemory"}};
    send({{"type", "job.retrying"}, {"status", "queued"}, {"error", error}});
    start(2);
    delta("half");
    send({{"type", "job.retrying"}, {"status", "queued"}, {"error", error}});
    EXPECT_THAT(events_,
                ElementsAre("started on w", "retrying: model_error: no memory", "started on w",
                            "retrying: model_error: no memory; ignore the text above"));
}

TEST_F(Follow, AnAttemptThatBeganUnseenVoidsTheText) {
    start();
    delta("wrong");
    follower_.begin_stream();
    start(2);
    delta("right");
    complete("right");
    EXPECT_THAT(events_, ElementsAre("started on w", "the job runs again: ignore the text above",
                                     "started on w", "completed"));
    EXPECT_EQ(text_, "wrongright\n");
}

TEST_F(Follow, AsksForTheJobIfTheLastEventHasNone) {
    EXPECT_FALSE(send({{"type", "job.completed"}, {"status", "completed"}, {"job", nullptr}}));
    EXPECT_TRUE(follower_.lacks_job());
    const std::string job = R"({"status":"completed","output":{"text":"here"}})";
    follower_.conclude({job, Json::parse(job)});
    EXPECT_EQ(text_, "here\n");
}

TEST_F(Follow, IgnoresUnknownEvents) {
    EXPECT_TRUE(follower_.take({.type = "", .data = "no json"}));
    EXPECT_TRUE(follower_.take({.type = "x", .data = "[1]"}));
    EXPECT_TRUE(send({{"type", "job.new_kind"}}));
    EXPECT_TRUE(send({{"type", "job.progress"}, {"progress", nullptr}}));
    EXPECT_TRUE(send({{"type", "job.output.delta"}, {"delta", 7}}));
    EXPECT_EQ(text_, "");
}

TEST_F(FollowInAPipe, VoidTextIsNeverWritten) {
    start();
    delta("wrong");
    send({{"type", "job.retrying"}, {"status", "queued"}});
    start(2);
    delta("also wrong");
    follower_.begin_stream();
    start(3);
    delta("rig");
    EXPECT_EQ(text_, "");
    complete("right");
    EXPECT_EQ(text_, "right\n");
    EXPECT_THAT(events_, ElementsAre("started on w", "retrying", "started on w",
                                     "the job runs again", "started on w", "completed"));
}

TEST_F(FollowInAPipe, TextWithAHoleIsReplacedByTheOutput) {
    start();
    delta("one ");
    delta("three");
    complete("one two three");
    EXPECT_EQ(text_, "one two three\n");
}

TEST_F(FollowInAPipe, AFailedJobLeavesTheTextOfItsLastAttempt) {
    start();
    delta("as far as it came");
    fail();
    EXPECT_EQ(text_, "as far as it came\n");
}

TEST_F(FollowInAPipe, AJobThatEndsBetweenAttemptsLeavesNoText) {
    start();
    delta("wrong");
    send({{"type", "job.retrying"}, {"status", "queued"}});
    fail();
    EXPECT_EQ(text_, "");
}

TEST_F(FollowOnATerminal, ProgressBreaksNoWord) {
    start();
    progress(0.1, "loading");
    delta("becomes ri");
    progress(0.33, "");
    progress(0.66, "");
    delta("ver\n");
    delta("mill");
    progress(0.9, "");
    complete("becomes river\nmill");
    EXPECT_EQ(text_, "becomes river\nmill\n");
    EXPECT_THAT(events_,
                ElementsAre("started on w", "progress 10 % loading", "progress 66 %", "completed"));
}

TEST_F(FollowOnATerminal, AnEventBeginsALine) {
    start();
    delta("half");
    send({{"type", "job.retrying"}, {"status", "queued"}});
    EXPECT_EQ(text_, "half\n");
}

}  // namespace
}  // namespace millrace::cli
