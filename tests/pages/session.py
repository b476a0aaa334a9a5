"""The shell in which the commands of one page run, with the servers that they start.

A page runs as it would for a person with the tree, the programs, and a terminal for each server:
the commands run one after the other in one shell, and a server is awaited until it is ready.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

COMMAND_SECONDS = 120
READY_SECONDS = 120
STOP_SECONDS = 30
PROBE_SECONDS = 0.05
GATEWAY_PORT = 8080
JOB_ID = re.compile(r"job_[0-9a-z]{26}")
PROGRAM = r"(?:^|[;&|]\s*)(?:\S*/)?"


@dataclasses.dataclass(frozen=True)
class Server:
    """A program that serves until it is stopped: the pattern of its command, and its readiness."""
    command: re.Pattern
    port: int
    ready: str  # A path that answers 200; empty: the program prints it.
    replaces: bool = False  # It needs the gateway's port, so the program that has it must end.


SERVERS = [
    Server(re.compile(PROGRAM + r"millrace +up\b"), GATEWAY_PORT, "", True),
    Server(re.compile(PROGRAM + r"millrace-gateway\b"), GATEWAY_PORT, "/healthz", True),
    Server(re.compile(PROGRAM + r"millrace-worker\b"), GATEWAY_PORT, "/readyz"),
    Server(re.compile(PROGRAM + r"tritonserver\b"), 8000, "/v2/health/ready"),
]
SAYS_READY = re.compile(r"^Millrace is up at \S+$", re.MULTILINE)
ENDS_BY_ITSELF = re.compile(r"--(help|version|check-config)\b")


def server_of(command):
    if ENDS_BY_ITSELF.search(command):
        return None
    return next((server for server in SERVERS if server.command.search(command)), None)


@dataclasses.dataclass
class Ran:
    code: int
    out: str
    err: str

    def all(self):
        return self.out + self.err


@dataclasses.dataclass
class Running:
    server: Server
    command: str
    process: int  # Leads its process group.
    log: pathlib.Path
    code: pathlib.Path  # Of its exit code, written when it has ended.

    def exit_code(self):
        """None while it runs."""
        text = self.code.read_text() if self.code.exists() else ""
        return int(text) if text.endswith("\n") else None

    def printed(self):
        return self.log.read_text(errors="replace")


class PageError(Exception):
    """The problem, with the output."""


def free_port():
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        return any_socket.getsockname()[1]


def send(url, body=None, headers=None, timeout=60):
    """Returns (status, JSON) of a request to a server on this machine."""
    data = None if body is None else body.encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json",
                                                 **(headers or {})})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Tree:
    """The source tree as a new user has it: writable, with programs in build/bin."""

    def __init__(self, source, programs, directory, is_alone):
        self.is_alone = is_alone
        self.path = directory / "tree"
        self.home = directory / "home"
        self.port = GATEWAY_PORT if is_alone else free_port()
        (self.path / "build").mkdir(parents=True)
        (self.home / ".cache").mkdir(parents=True)
        for entry in source.iterdir():
            if entry.name not in ("build", ".git"):
                (self.path / entry.name).symlink_to(entry)
        cache = os.environ.get("MILLRACE_CACHE") or pathlib.Path.home() / ".cache/millrace"
        (self.home / ".cache/millrace").symlink_to(cache)
        self.bin = programs
        curlrc = ["fail-with-body", f"max-time = {COMMAND_SECONDS // 2}"]
        if not is_alone:
            self.bin = self.programs_on_free_ports(programs, directory)
            curlrc += [f'connect-to = "{host}:{GATEWAY_PORT}:127.0.0.1:{self.port}"'
                       for host in ("localhost", "127.0.0.1")]
        (self.path / "build/bin").symlink_to(self.bin)
        (self.home / ".curlrc").write_text("\n".join(curlrc) + "\n")

    def programs_on_free_ports(self, programs, directory):
        """Lets `millrace up` use another port and directory, unless the page names them."""
        folder = directory / "bin"
        folder.mkdir()
        for program in programs.iterdir():
            (folder / program.name).symlink_to(program)
        (folder / "millrace").unlink()
        (folder / "millrace").write_text(
            "#!/bin/bash\n"
            f'if [ "$1" != up ]; then exec {programs}/millrace "$@"; fi\n'
            f'[[ "$*" == *--port* ]] || set -- "$@" --port {self.port}\n'
            f'[[ "$*" == *--data* ]] || set -- "$@" --data {directory}/data\n'
            f'exec {programs}/millrace "$@"\n')
        (folder / "millrace").chmod(0o755)
        return folder

    def environment(self):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("MILLRACE_", "XDG_")) and "proxy" not in name.lower()}
        # The page of the backends shows jobs of the synthetic model beside real ones.
        kept |= {"HOME": str(self.home), "PATH": f"{self.bin}:{os.environ['PATH']}",
                 "MILLRACE_BACKEND_SYNTHETIC_ENABLED": "true"}
        if not self.is_alone:
            kept |= {"MILLRACE_URL": f"http://127.0.0.1:{self.port}"}
        return kept


class Session:
    def __init__(self, tree, directory):
        self.tree = tree
        self.directory = directory
        self.running = []  # Of Running.
        self.jobs = []  # The ids that were printed while this gateway ran.
        self.count = 0
        self.shells = []  # Each leads a session of its own, which its commands share.
        directory.mkdir(parents=True)
        self.start_shell()

    def start_shell(self):
        """Starts it again if a command ended it, as `set -u` does at a name without a value."""
        self.answers, given = os.pipe()
        theirs = fcntl.fcntl(given, fcntl.F_DUPFD, 10)  # Any but 9, which it becomes.
        os.close(given)
        # Each command is a process group of its own (-m), as in a terminal; -u detects what a page
        # forgot to define.
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c",
             f'exec 9>&{theirs} {theirs}>&-; set -mu; while read -r line; do eval "$line"; done'],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.tree.path,
            env=self.tree.environment(), pass_fds=[theirs], start_new_session=True, text=True)
        self.shells.append(self.shell.pid)
        os.close(theirs)

    def file(self, suffix):
        return self.directory / f"{self.count}.{suffix}"

    def tell(self, line):
        try:
            self.shell.stdin.write(line + "\n")
            self.shell.stdin.flush()
        except BrokenPipeError:
            raise PageError(f"the shell is gone: {self.shell.wait()}") from None

    def answer(self, seconds):
        """Returns the number that the shell answers; None if it is late. Throws if it ended."""
        if not select.select([self.answers], [], [], seconds)[0]:
            return None
        text = os.read(self.answers, 64).decode().strip()
        if not text:
            self.shell.wait()
            self.start_shell()
            raise PageError("it ended the shell")
        return int(text)

    def printed(self):
        return [file.read_text(errors="replace") if file.exists() else ""
                for file in (self.file("out"), self.file("err"))]

    def run(self, command):
        """Runs the command to its end."""
        self.count += 1
        self.file("command").write_text(self.with_known_id(command) + "\n")
        self.tell(f'eval "$(cat {self.file("command")})" >{self.file("out")} 2>{self.file("err")} '
                  "</dev/null 9>&-; echo $? >&9")
        try:
            code = self.answer(COMMAND_SECONDS)
            if code is None:
                self.kill_command()
                self.answer(STOP_SECONDS)
                raise PageError(f"it did not end within {COMMAND_SECONDS} s (is it a server? see "
                                "SERVERS in tests/pages/session.py)")
        except PageError as error:
            raise PageError("\n".join([str(error), *self.printed()])) from None
        out, err = self.printed()
        ran = Ran(code, out, err)
        self.forget_ended()
        self.jobs += [job for job in JOB_ID.findall(ran.all()) if job not in self.jobs]
        return ran

    def with_known_id(self, command):
        """Replaces `job_…` by the id that the reader saw last."""
        return command.replace("job_…", self.jobs[-1]) if self.jobs else command

    def serve(self, command, server):
        """Starts the server and returns when it is ready."""
        if server.replaces:
            self.stop([running for running in self.running if running.server.port == server.port])
        self.count += 1
        running = Running(server, command, 0, self.file("log"), self.file("code"))
        self.file("command").write_text(command + "\n")
        running.log.touch()
        self.tell(f'(trap : INT; eval "$(cat {self.file("command")})"; echo $? >{running.code}) '
                  f">{running.log} 2>&1 </dev/null 9>&- & echo $! >&9")
        running.process = self.answer(COMMAND_SECONDS)
        self.running.append(running)
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready(running):
            if running.exit_code() is not None:
                self.running.remove(running)
                raise PageError("it ended:\n" + running.printed())
            if time.monotonic() > deadline:
                raise PageError(f"it was not ready after {READY_SECONDS} s:\n" + running.printed())
            select.select([], [], [], PROBE_SECONDS)
        return running

    def wait_for(self, running, wrong_with):
        """Returns once nothing is wrong with the output; after a time, returns what is wrong."""
        deadline = time.monotonic() + STOP_SECONDS
        while True:
            problems = list(wrong_with(running.printed()))
            if not problems or time.monotonic() > deadline:
                return problems
            select.select([], [], [], PROBE_SECONDS)

    def port_of(self, command, server):
        named = re.search(r"--(?:port|http-port|gateway\.port)[ =](\d+)", command)
        if named:
            return int(named.group(1))
        return self.tree.port if server.port == GATEWAY_PORT else server.port

    def is_ready(self, running):
        server = running.server
        if not server.ready:
            return SAYS_READY.search(running.printed()) is not None
        port = self.port_of(running.command, server)
        try:
            return send(f"http://127.0.0.1:{port}{server.ready}", timeout=5)[0] == 200
        except OSError:
            return False

    def forget_ended(self):
        """Forgets programs that a command in another terminal ended, such as `millrace down`."""
        for running in list(self.running):
            if running.exit_code() == 0:
                self.running.remove(running)

    def has_gateway(self):
        return any(running.server.replaces for running in self.running)

    def url(self):
        gateways = [running for running in self.running if running.server.replaces]
        if not gateways:
            return f"http://127.0.0.1:{self.tree.port}"
        return f"http://127.0.0.1:{self.port_of(gateways[-1].command, gateways[-1].server)}"

    def stop(self, those=None):
        """Presses Ctrl-C in the terminal of each, the last first. All must end without an error."""
        for running in reversed(self.running if those is None else list(those)):
            self.running.remove(running)
            self.interrupt(running)
            if running.exit_code() != 0:
                raise PageError(f"`{running.command}` ended with {running.exit_code()} after "
                                "Ctrl-C:\n" + running.printed())
        if not self.has_gateway():
            self.jobs = []

    @staticmethod
    def interrupt(running):
        """Interrupts the program and returns when it has ended."""
        deadline = time.monotonic() + STOP_SECONDS
        with contextlib.suppress(ProcessLookupError):  # It may have ended before.
            os.killpg(running.process, signal.SIGINT)
        while running.exit_code() is None:
            if time.monotonic() > deadline:
                os.killpg(running.process, signal.SIGKILL)
                raise PageError(f"`{running.command}` did not end within {STOP_SECONDS} s of "
                                "Ctrl-C:\n" + running.printed())
            select.select([], [], [], PROBE_SECONDS)

    def processes(self):
        """Yields (id, parent, group) of the processes that the shells started."""
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit():
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    if int(fields[3]) in self.shells:
                        yield int(entry.name), int(fields[1]), int(fields[2])

    def kill_command(self):
        servers = [running.process for running in self.running]
        for process, parent, group in list(self.processes()):
            if parent == self.shell.pid and process not in servers:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)

    def kill_all(self):
        for process, _, _ in list(self.processes()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def end(self):
        self.kill_all()
        self.shell.wait()
        with contextlib.suppress(BrokenPipeError):
            self.shell.stdin.close()
        os.close(self.answers)

    def submit(self, body):
        """Submits a job as a page prints it; returns its final state."""
        status, text = send(self.url() + "/v1/jobs", body)
        if status != 202:
            raise PageError(f"the gateway answers {status}: {text}")
        return self.end_of(json.loads(text)["id"])

    def end_of(self, job):
        deadline = time.monotonic() + COMMAND_SECONDS
        while time.monotonic() < deadline:
            status, text = send(f"{self.url()}/v1/jobs/{job}", headers={"prefer": "wait=30"})
            found = json.loads(text)
            if status != 200 or found["status"] in ("completed", "failed", "cancelled", "expired"):
                return found
        raise PageError(f"the job {job} did not end within {COMMAND_SECONDS} s")
