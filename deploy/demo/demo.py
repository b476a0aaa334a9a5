"""The demo's client: starts the stack, sends it the prompts, shows what happens, and checks the end.

Only the standard library and Millrace's public surface: the `millrace` command and the REST API.
Exits 0 when every job completed with text and nothing is left running.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

PRIORITIES = ("high", "normal", "low")
ALONE = 3  # Jobs that run one at a time, for comparison.
TOKENS = 48
READY_SECONDS = 180
FINISH_SECONDS = 900


def say(text=""):
    print(text, flush=True)


class Gateway:
    def __init__(self, url):
        self.url = url

    def call(self, path, body=None, headers=None, timeout=90):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers or {})
        if data is not None:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)

    def wait(self, job_id):
        """The job once it is final."""
        while True:
            job = self.call("/v1/jobs/" + job_id, headers={"Prefer": "wait=50"})
            if job["status"] in ("completed", "failed", "cancelled", "expired"):
                return job

    def run_alone(self, job):
        """Submits one job and waits for its end; returns it."""
        return self.wait(self.call("/v1/jobs", job)["id"])

    def events(self, job_id):
        """The job's server-sent events, as (type, data) pairs, until its end."""
        request = urllib.request.Request(f"{self.url}/v1/jobs/{job_id}/events")
        with urllib.request.urlopen(request, timeout=FINISH_SECONDS) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    data = json.loads(line[5:])
                    yield data["type"], data


class Stack:
    """`millrace up` as a child, on a directory of its own that is removed afterwards."""

    def __init__(self, arguments):
        self.data = tempfile.mkdtemp(prefix="millrace-demo-")
        os.chmod(self.data, 0o755)  # PostgreSQL's own user must be able to enter it.
        command = [os.path.join(arguments.bin, "millrace"), "up", "--port", "0", "--data", self.data]
        if arguments.model:
            command += ["--model", arguments.model, "--set", "backend.llama.name=demo"]
        if arguments.backend_url:
            command += ["--backend-url", arguments.backend_url]
        for setting in arguments.settings:
            command += ["--set", setting]
        say("$ " + " ".join(command))
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.url = None
        self.ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            found = re.match(r"Millrace is up at (\S+)", line)
            if found:
                self.url = found.group(1)
                self.ready.set()
            say("  up: " + line.rstrip())
        self.ready.set()

    def wait_until_ready(self):
        if not self.ready.wait(READY_SECONDS) or self.url is None:
            raise SystemExit("demo: the stack did not start; see the lines above")
        return Gateway(self.url)

    def stop(self):
        """True when it ended by itself, in good order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        shutil.rmtree(self.data, ignore_errors=True)
        return code == 0


class Jobs:
    """Turns prompts into submissions of the model at hand, and answers into text."""

    def __init__(self, arguments):
        self.real = bool(arguments.model or arguments.backend_url)
        self.model = "demo" if arguments.model else arguments.model_name or "synthetic"

    def submission(self, line):
        if self.real:
            data = {"messages": [{"role": "user", "content": line["prompt"]}],
                    "max_tokens": TOKENS, "temperature": 0.3, "seed": 7}
        else:
            data = {"prompt": line["prompt"],
                    "synthetic": {"ms": 400, "partials": 6, "output_bytes": 200}}
        return {"model": self.model, "priority": line["priority"], "input": data}


def text_of(job):
    output = job.get("output") or {}
    choices = output.get("choices") or [{}]
    return choices[0].get("text") or (choices[0].get("message") or {}).get("content") or ""


def tokens_of(job):
    return ((job.get("output") or {}).get("usage") or {}).get("completion_tokens", 0)


def run_alone(gateway, jobs, prompts):
    say(f"\n== {ALONE} jobs one at a time")
    started, tokens = time.monotonic(), 0
    for line in prompts[-ALONE:]:
        job = gateway.run_alone(jobs.submission(line))
        tokens += tokens_of(job)
        say(f"  {job['status']}: {text_of(job).strip()[:90]!r}")
    rate = tokens / (time.monotonic() - started)
    say(f"  {rate:.1f} tokens/s one at a time")
    return rate


def follow(gateway, job_id):
    """Prints one job's text as it is generated."""
    for kind, data in gateway.events(job_id):
        if kind == "job.output.delta":
            sys.stdout.write(data["delta"])
            sys.stdout.flush()
    say()


def show_progress(gateway, ids):
    """A line whenever the numbers changed, until all jobs are final; returns the final jobs."""
    last, deadline = None, time.monotonic() + FINISH_SECONDS
    while time.monotonic() < deadline:
        lanes = {row["priority"]: row for row in gateway.call("/v1/queues")["data"]}
        waiting = " ".join(f"{p} {lanes.get(p, {}).get('queued', 0)}" for p in PRIORITIES)
        running = sum(row["in_progress"] for row in lanes.values())
        done = len(gateway.call("/v1/jobs?limit=100&status=completed,failed")["data"]) - ALONE
        line = f"  waiting: {waiting} | running: {running} | finished: {done}/{len(ids)}"
        if line != last:
            say(line)
            last = line
        if done >= len(ids):
            return [gateway.call(f"/v1/jobs/{job_id}?include=output") for job_id in ids]
        time.sleep(0.5)
    raise SystemExit(f"demo: not every job finished within {FINISH_SECONDS} s")


def report(finished, seconds, rate_alone):
    say("\n== what was generated")
    for job in finished:
        say(f"  [{job['priority']:>6}] {text_of(job).strip()[:100]!r}")
    say("\n== waiting time per lane (submitted to started)")
    for priority in PRIORITIES:
        waits = [job["timing"]["queue_ms"] for job in finished if job["priority"] == priority]
        say(f"  {priority:>6}: median {statistics.median(waits):6.0f} ms, max {max(waits):6.0f} ms")
    rate = sum(tokens_of(job) for job in finished) / seconds
    say(f"\n  {rate:.1f} tokens/s together; one at a time it was {rate_alone:.1f}: "
        f"batching gained {rate / rate_alone:.1f}x" if rate_alone else "")


def check(finished):
    bad = [job for job in finished if job["status"] != "completed" or not text_of(job).strip()]
    for job in bad:
        say(f"demo: {job['id']} is {job['status']}, error {job.get('error')}")
    return not bad


def run(arguments, gateway):
    jobs = Jobs(arguments)
    path = os.path.join(os.path.dirname(__file__), "prompts.jsonl")
    with open(path, encoding="utf-8") as file:
        prompts = [json.loads(line) for line in file]
    rate_alone = run_alone(gateway, jobs, prompts)

    say(f"\n== {len(prompts)} jobs at once, over three priorities")
    started = time.monotonic()
    lines = "\n".join(json.dumps(jobs.submission(line)) for line in prompts)
    submitted = subprocess.run(
        [os.path.join(arguments.bin, "millrace"), "--url", gateway.url, "submit", "--jsonl", "-"],
        input=lines, capture_output=True, text=True, check=True)
    ids = submitted.stdout.split()
    say(f"  submitted {len(ids)} jobs in {time.monotonic() - started:.2f} s; "
        f"the text of {ids[0]} as it comes:")
    follow(gateway, ids[0])
    finished = show_progress(gateway, ids)
    report(finished, time.monotonic() - started, rate_alone)
    return check(finished)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="where the programs are")
    parser.add_argument("--model", help="a GGUF file to serve in process")
    parser.add_argument("--backend-url", help="an OpenAI-compatible server to use instead")
    parser.add_argument("--model-name", help="the model's name at that server")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE",
                        help="a setting of docs/configuration.md")
    arguments = parser.parse_args()

    stack = Stack(arguments)
    good = False
    try:
        good = run(arguments, stack.wait_until_ready())
    finally:
        stopped = stack.stop()
    if not good or not stopped:
        raise SystemExit("demo: FAILED")
    say("demo: every job completed with text; everything is stopped again")


if __name__ == "__main__":
    main()
