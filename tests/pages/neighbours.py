"""The servers that the pages take for granted: a PostgreSQL on the host db, a Kafka on the host
kafka, an OpenAI-compatible server on port 8000. Each is started when a page first names it."""

import glob
import json
import os
import pathlib
import re
import select
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOSTS = ("db", "kafka")
START_SECONDS = 60
PROBE_SECONDS = 0.05


def wait_for(condition, what, process=None):
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{what} ended")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} was not ready after {START_SECONDS} s")
        select.select([], [], [], PROBE_SECONDS)


def postgres(directory, _programs):
    """Accepts every connection; its superuser is the reader, as on the reader's own machine."""
    folder = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    is_root = os.geteuid() == 0
    whom = {"user": "postgres", "group": "postgres", "extra_groups": []} if is_root else {}
    me = "root" if is_root else None
    home = directory / "postgres"
    home.mkdir(mode=0o755)
    if is_root:
        subprocess.run(["chown", "postgres", home], check=True)
    log = open(directory / "postgres.log", "w")
    options = {"cwd": home, "stdout": log, "stderr": log, **whom}
    subprocess.run([f"{folder}/initdb", "-D", home / "data", "-A", "trust", "--no-sync",
                    *(["-U", me] if me else [])], check=True, **options)
    server = subprocess.Popen([f"{folder}/postgres", "-D", home / "data", "-k", home, "-p", "5432",
                               "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"], **options)
    create = [f"{folder}/createdb", "-h", "127.0.0.1", "-p", "5432", "millrace"]
    wait_for(lambda: subprocess.run(create, capture_output=True, check=False).returncode == 0,
             "PostgreSQL", server)
    return server


def kafka(directory, programs):
    log = open(directory / "broker.log", "w+")
    server = subprocess.Popen([programs / "millrace-broker", "--port", "9092"], stdout=log,
                              stderr=log)
    wait_for(lambda: "bootstrap=" in pathlib.Path(log.name).read_text(), "the broker", server)
    return server


def openai(_directory, _programs):
    server = subprocess.Popen([sys.executable, __file__, "8000"], stdout=subprocess.PIPE, text=True)
    if server.stdout.readline().strip() != "ready":
        raise RuntimeError("the model server did not start")
    return server


# Each is found by its name in a page: the server, and the port that it holds.
NEIGHBOURS = [
    (re.compile(r"\bhost=db\b"), postgres, 5432),
    (re.compile(r"\bkafka:9092\b"), kafka, 9092),
    (re.compile(r"\b127\.0\.0\.1:8000/v1\b"), openai, 8000),
]


class Neighbours:
    def __init__(self, directory, programs):
        self.directory = directory
        self.programs = programs
        self.running = {}  # By port.

    def meet(self, text):
        """Starts the servers that this text names."""
        for pattern, start, port in NEIGHBOURS:
            if pattern.search(text) and port not in self.running:
                self.running[port] = start(self.directory, self.programs)

    def leave(self, port):
        """Gives the port to a program of the page."""
        server = self.running.pop(port, None)
        if server is not None:
            server.terminate()
            server.wait()

    def close(self):
        for port in list(self.running):
            self.leave(port)


class Handler(BaseHTTPRequestHandler):
    """A model `echo` that answers with the text of the request."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer("application/json", b'{"object": "list", "data": [{"id": "echo"}]}')

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "messages" in asked:
            text = asked["messages"][-1]["content"]
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
        else:
            choice = {"index": 0, "text": asked["prompt"], "finish_reason": "stop"}
        event = json.dumps({"id": "1", "model": "echo", "choices": [choice]})
        self.answer("text/event-stream", f"data: {event}\n\ndata: [DONE]\n\n".encode())


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as http:
        print("ready", flush=True)
        http.serve_forever()
