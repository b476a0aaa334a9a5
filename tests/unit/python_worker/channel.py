"""The worker's end of a channel, for tests."""

import json
import socket
import struct

LONG = 30  # Seconds; only a broken test waits this long.


class Channel:
    def __init__(self, **hello):
        self.socket, self.other_end = socket.socketpair()
        self.socket.settimeout(LONG)
        self.source = self.socket.makefile("rb")
        self.items = 0
        self.send({"type": "hello", "protocol": 1, "slot": 0, "output_bytes_max": 10_000,
                   "grace_ms": LONG * 1000, **hello})

    def send(self, message):
        body = json.dumps(message).encode()
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def receive_bytes(self):
        (size,) = struct.unpack(">I", self.source.read(4))
        return self.source.read(size)

    def receive(self):
        return json.loads(self.receive_bytes())

    def give(self, given):
        self.items += 1
        self.send({"type": "item", "item": self.items, "job": f"job_{self.items}", "attempt": 1,
                   "model": "m", "remaining_ms": 60_000, "input": given})
        return self.items

    def start(self, *inputs):
        items = [self.give(given) for given in inputs]
        self.send({"type": "run", "items": items})
        return items

    def close(self):
        self.source.close()
        self.socket.close()
