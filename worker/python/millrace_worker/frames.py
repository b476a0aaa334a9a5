"""Messages on the channel: four bytes of length, most significant first, then that much JSON."""

import json
import struct
import threading

_LENGTH = struct.Struct(">I")


def encode(value):
    """The value as JSON. NaN and infinity are no JSON: ValueError."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


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

    def send(self, message):
        self.send_json(encode(message))

    def send_json(self, body):
        with self._lock:
            try:
                self._channel.sendall(_LENGTH.pack(len(body)) + body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The reader sees the same and ends the process.
