// The messages to and from a child process as values: the protocol of docs/backends.md.
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

namespace millrace::backends::process {

// Increased when a child made for the previous version would misunderstand.
inline constexpr int kProcessProtocol = 1;

// Identifies an attempt on the channel; a slot never uses it twice.
using ItemId = std::uint64_t;

// --- To the child: each function returns one frame's JSON ---

struct Hello {
    std::size_t slot = 0;  // The number of the worker's child process, from 0.
    std::string device;    // From backend.process.devices; empty: none.
    std::size_t output_bytes_max = 0;
    milliseconds grace{0};  // How long it may take to end after the channel's end.
};
std::string hello_message(const Hello& hello);
// The job's input is passed on unchanged.
std::string item_message(ItemId item, const Execution& execution, MonoTime now);
std::string run_message(std::span<const ItemId> items);
std::string cancel_message(ItemId item, AbortReason reason);

// --- From the child ---

// The model is loaded and warm. Sent once, before anything else.
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
// The item has ended, successfully or not.
struct EndMessage {
    ItemId item = 0;
    Outcome outcome;  // kCompleted, kPermanent, kRetryable, kRateLimited or kCancelled.
};
// A message without usable content: progress that is not a number, or text too long to be shown.
struct NoMessage {};
using ProcessMessage =
    std::variant<ReadyMessage, ProgressMessage, PartialMessage, EndMessage, NoMessage>;

// Bytes in strings that are not valid text become U+FFFD. Otherwise an output is passed on
// unchanged; one that is not JSON, or too long, ends its item as invalid_output or
// output_too_large.
// Errors: kDataCorrupt, saying what is wrong, without the bytes themselves.
Result<ProcessMessage> parse_message(const Frame& frame);

}  // namespace millrace::backends::process
