"""A program that breaks the protocol in the way its argument says, for process_faults_test.cc."""

import json
import os
import signal
import struct
import sys

way = sys.argv[1]


def read(size):
    data = b""
    while len(data) < size:
        piece = os.read(3, size - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data


def receive():
    return json.loads(read(struct.unpack(">I", read(4))[0]))


def send(body):
    body = struct.pack(">I", len(body)) + body
    while body:
        body = body[os.write(3, body):]


if way == "exit":
    print("there are no weights", file=sys.stderr)
    sys.exit(7)
if way == "silent":
    signal.pause()
if way == "once":
    # The program is ready the first time, never again.
    if os.path.exists(sys.argv[2]):
        sys.exit(1)
    open(sys.argv[2], "w").close()

receive()
if way == "early":
    send(b'{"type":"partial","item":1,"text":"x"}')
    signal.pause()
send(json.dumps({"type": "ready", "protocol": 2 if way == "old" else 1,
                 "models": [] if way == "nameless" else ["rude"], "batch_max": 8}).encode())

while receive()["type"] != "run":
    pass
if way == "garbage":
    send(b"hello")
elif way == "long":
    os.write(3, b"\xff\xff\xff\xff")
elif way == "deep":
    send(b"[" * 50_000)
elif way == "twice":
    send(b'{"type":"ready","protocol":1}')
elif way == "close":
    os.close(3)
elif way == "half":
    os.write(3, b"\0\0\1\0{")
    os._exit(0)
elif way == "last words":
    send(b'{"type":"done","item":1,"output":"said"}')
    os._exit(1)
elif way == "strangers":
    for item in (0, 2, 1_000_000):
        send(b'{"type":"done","item":%d,"output":"x"}' % item)
        send(b'{"type":"partial","item":%d,"text":"x"}' % item)
    send(b'{"type":"done","item":1,"output":"mine"}')
elif way == "once":
    sys.exit(1)
elif way == "odd outputs":
    outputs = [b'{"x":NaN}', b'"caf\\udce9 \xff"', b"x" * 20_000_000, b"{'text':1}", b"1e400",
               b"[" * 5000, b"null", b'"%d"' % os.getpid()]
    for item, output in enumerate(outputs, 1):
        send(b'{"type":"partial","item":%d,"text":"\\ud83d \xff\\u0000"}' % item)
        send(b'{"type":"progress","item":%d,"fraction":NaN}' % item)
        send(b'{"type":"done","item":%d,"output":%s}' % (item, output))
signal.pause()
