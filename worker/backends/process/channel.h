// Sends and receives frames to and from a child over a socket, without ever waiting: it keeps what
// the child does not read yet, and assembles frames that the child has not finished sending.
//
// Keeps at most what the slot sends for one batch, and one frame of the child, up to its limit.
//
// Threads:   one caller at a time.
// Owns:      this side of the socket.
// Errors:    kUnavailable: the child's side is closed; kDataCorrupt: it sent something that is not
//            a frame. After an error the channel is unusable.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/process/fd.h"
#include "worker/backends/process/frame.h"

namespace millrace::backends::process {

class Channel {
 public:
    Channel(millrace::process::Fd socket, std::size_t frame_bytes_max)
        : socket_(std::move(socket)), reader_(frame_bytes_max) {}

    // For poll(), with the events to wait for.
    int fd() const { return socket_.get(); }
    short events() const;

    // Accepts the frame, and writes as much as the socket has room for.
    void send(std::string_view json);
    // Writes the rest, after poll() reported room.
    void flush();
    // Closes the sending direction. What the child sends is still received.
    void close_sending();

    // Reads a bounded part of what has arrived, and passes each whole frame to the handler. Returns
    // the handler's error.
    using Handler = std::function<Status(const Frame& frame)>;
    Status receive(const Handler& handle);

 private:
    millrace::process::Fd socket_;
    FrameReader reader_;
    std::string unsent_;    // At most one batch; cleared when all of it is sent.
    std::size_t sent_ = 0;  // Bytes of unsent_.
};

}  // namespace millrace::backends::process
