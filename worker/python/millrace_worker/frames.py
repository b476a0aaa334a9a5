"""Messages on the channel: four bytes of length, most significant first, then that much JSON."""

import json
import os
import struct
import threading

_LENGTH = struct.Struct(">I")


def encode(value, default=None):
    """The value as JSON. NaN and infinity are not JSON: ValueError. Halves of surrogate pairs are
    not text: two that belong together are put together, others become U+FFFD."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"),
                      default=default)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return whole(text).encode()


def whole(text):
    """The text without halves of surrogate pairs."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def read_messages(source):
    """Each message until the worker closes the channel; a piece of one at the end is dropped."""
    while True:
        head = source.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            return
        (size,) = _LENGTH.unpack(head)
        body = source.read(size)
        if len(body) < size:
            return
        yield json.loads(body)


class Writer:
    """Sends messages, from any thread. What is sent after the worker has gone is dropped."""

    def __init__(self, channel):
        self._channel = channel
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @property
    def is_ours(self):
        """False in a process that a handler forked: frames of two processes would mix."""
        return os.getpid() == self._pid

    def send(self, message):
        self.send_json(encode(message))

    def send_json(self, body):
        if not self.is_ours:
            raise RuntimeError("only the process that called serve() can report on items: "
                               "send the results of a child process back to it")
        with self._lock:
            try:
                self._channel.sendall(_LENGTH.pack(len(body)) + body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The reader sees the same and ends the process.
