#include "worker/execute/cancel_mailbox.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/fakes.h"

namespace millrace::execute {
namespace {

using test::attempt_key;

TEST(CancelMailbox, GivesACancelToItsAttemptOnce) {
    CancelMailbox mailbox(10);
    mailbox.keep(attempt_key(1));
    EXPECT_FALSE(mailbox.take(attempt_key(2)));
    EXPECT_FALSE(mailbox.take(attempt_key(1, 2)));
    EXPECT_TRUE(mailbox.take(attempt_key(1)));
    EXPECT_FALSE(mailbox.take(attempt_key(1)));
}

TEST(CancelMailbox, KeepsACancelUntilTheSecondForgetting) {
    CancelMailbox mailbox(10);
    mailbox.keep(attempt_key(1));
    mailbox.keep(attempt_key(2));
    mailbox.forget_older();
    EXPECT_TRUE(mailbox.take(attempt_key(1)));
    mailbox.forget_older();
    EXPECT_FALSE(mailbox.take(attempt_key(2)));
}

TEST(CancelMailbox, ACancelThatIsRepeatedIsKeptLonger) {
    CancelMailbox mailbox(10);
    mailbox.keep(attempt_key(1));
    mailbox.forget_older();
    mailbox.keep(attempt_key(1));
    mailbox.forget_older();
    EXPECT_TRUE(mailbox.take(attempt_key(1)));
    EXPECT_FALSE(mailbox.take(attempt_key(1)));
}

TEST(CancelMailbox, DropsCancelsThatDoNotFitUntilThereIsRoomAgain) {
    CancelMailbox mailbox(2);
    mailbox.keep(attempt_key(1));
    mailbox.keep(attempt_key(1));  // A repetition takes no room.
    mailbox.keep(attempt_key(2));
    mailbox.keep(attempt_key(3));
    EXPECT_FALSE(mailbox.take(attempt_key(3)));
    EXPECT_TRUE(mailbox.take(attempt_key(2)));
    mailbox.keep(attempt_key(3));
    EXPECT_TRUE(mailbox.take(attempt_key(3)));
}

}  // namespace
}  // namespace millrace::execute
