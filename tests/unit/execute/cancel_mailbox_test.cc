#include "worker/execute/cancel_mailbox.h"

#include <gtest/gtest.h>

namespace millrace::worker {
namespace {

AttemptKey key_of(std::uint8_t job, Epoch epoch = 1) {
    return {JobId(Uuid{{job}}), epoch};
}

TEST(CancelMailbox, GivesACancelToItsAttemptOnce) {
    CancelMailbox mailbox(10);
    mailbox.keep(key_of(1));
    EXPECT_FALSE(mailbox.take(key_of(2)));
    EXPECT_FALSE(mailbox.take(key_of(1, 2)));
    EXPECT_TRUE(mailbox.take(key_of(1)));
    EXPECT_FALSE(mailbox.take(key_of(1)));
}

TEST(CancelMailbox, KeepsACancelUntilTheSecondForgetting) {
    CancelMailbox mailbox(10);
    mailbox.keep(key_of(1));
    mailbox.keep(key_of(2));
    mailbox.forget_older();
    EXPECT_TRUE(mailbox.take(key_of(1)));
    mailbox.forget_older();
    EXPECT_FALSE(mailbox.take(key_of(2)));
}

TEST(CancelMailbox, ACancelThatIsRepeatedIsKeptLonger) {
    CancelMailbox mailbox(10);
    mailbox.keep(key_of(1));
    mailbox.forget_older();
    mailbox.keep(key_of(1));
    mailbox.forget_older();
    EXPECT_TRUE(mailbox.take(key_of(1)));
    EXPECT_FALSE(mailbox.take(key_of(1)));
}

TEST(CancelMailbox, DropsWhatDoesNotFitUntilThereIsRoomAgain) {
    CancelMailbox mailbox(2);
    mailbox.keep(key_of(1));
    mailbox.keep(key_of(1));  // A repetition takes no room.
    mailbox.keep(key_of(2));
    mailbox.keep(key_of(3));
    EXPECT_FALSE(mailbox.take(key_of(3)));
    EXPECT_TRUE(mailbox.take(key_of(2)));
    mailbox.keep(key_of(3));
    EXPECT_TRUE(mailbox.take(key_of(3)));
}

}  // namespace
}  // namespace millrace::worker
