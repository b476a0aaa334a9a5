// Frames to and from a child over a socket, without ever waiting: what the child does not take yet
// is kept, what it has not finished saying is put together.
//
// Keeps at most what the slot sends for one batch, and one frame of the child's up to its limit.
//
// Threads:   one caller at a time.
// Owns:      this side of the socket.
// Errors:    kUnavailable: the child's side is closed; kDataCorrupt: it sent what is no frame. The
//            channel is of no more use then.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/process/fd.h"
#include "worker/backends/process/frame.h"

namespace millrace::worker {

class Channel {
 public:
    Channel(process::Fd socket, std::size_t frame_bytes_max)
        : socket_(std::move(socket)), reader_(frame_bytes_max) {}

    // For poll(), with the events to wait for.
    int fd() const { return socket_.get(); }
    short events() const;

    // Takes the frame and writes what the socket has room for.
    void send(std::string_view json);
    // Writes what is left, after poll() said that there is room.
    void flush();
    // Tells the child that nothing more comes. What it says is still received.
    void close_sending();

    // Reads a bounded part of what is there and hands over each whole frame; the handler's error
    // is returned.
    using Handler = std::function<Status(const Frame& frame)>;
    Status receive(const Handler& handle);

 private:
    process::Fd socket_;
    FrameReader reader_;
    std::string unsent_;    // One batch at most: cleared when all of it is sent.
    std::size_t sent_ = 0;  // Of unsent_.
};

}  // namespace millrace::worker
