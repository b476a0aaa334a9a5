// What is said to a child process and what it may say: the protocol of docs/backends.md as values.
//
//   to the child      hello, item, run, cancel
//   from the child    ready, progress, partial, done, failed
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/job/outcome.h"
#include "worker/backends/backend.h"
#include "worker/backends/process/frame.h"

namespace millrace::worker {

// Raised when a child made for the one before would misunderstand.
inline constexpr int kProcessProtocol = 1;

// Names an attempt on the channel; never used twice by a slot.
using ItemId = std::uint64_t;

// --- To the child: each returns one frame's JSON ---

struct Hello {
    std::size_t slot = 0;  // Which of the worker's child processes it is, from 0.
    std::string device;    // Of backend.process.devices; empty: none.
    std::size_t output_bytes_max = 0;
    milliseconds grace{0};  // After the end of the channel: how long it may take to end.
};
std::string hello_message(const Hello& hello);
// The job's input goes in as it came.
std::string item_message(ItemId item, const Execution& execution, MonoTime now);
std::string run_message(std::span<const ItemId> items);
std::string cancel_message(ItemId item, AbortReason reason);

// --- From the child ---

// Loaded and warm. Once, before anything else.
struct ReadyMessage {
    std::vector<std::string> models;
    std::size_t batch_max = 1;
};
struct ProgressMessage {
    ItemId item = 0;
    double fraction = 0;  // In [0, 1].
    std::string message;
};
struct PartialMessage {
    ItemId item = 0;
    std::string text;
};
// The item is over, one way or the other.
struct EndMessage {
    ItemId item = 0;
    Outcome outcome;  // kCompleted, kPermanent, kRetryable, kRateLimited or kCancelled.
};
// Says nothing that can be used: progress that is no number, text that is too long to be shown.
struct NoMessage {};
using ProcessMessage =
    std::variant<ReadyMessage, ProgressMessage, PartialMessage, EndMessage, NoMessage>;

// What is no text in its strings becomes U+FFFD. An output is passed on as it came but for that;
// one that is no JSON, or too long, ends its item as invalid_output or output_too_large.
// Errors: kDataCorrupt, saying what is wrong, without the bytes themselves.
Result<ProcessMessage> parse_message(const Frame& frame);

}  // namespace millrace::worker
