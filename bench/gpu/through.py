"""A real model on a GPU: through Millrace and alone, and what a cancel gives back.

The model of deploy/examples/torch_lm.py runs the same prompts in the same batches, in turn: called
in a loop by this program, and as jobs over REST, through PostgreSQL, a broker, the gateway and a
worker with the `process` backend. Each run through Millrace begins behind a long job that holds the
device while the others are submitted, and that is cancelled then: from the cancel to the next batch
is one figure, from that batch to the moment at which the client has seen the last end is the run.

    python3 bench/gpu/through.py --bin build/bin --model MODEL

MODEL is what deploy/examples/torch_lm.py takes. Needs PACKAGES for this python3, and a GPU; says
what is missing, and exits 1. `--device cpu` runs the same without a GPU's figures.
"""

import argparse
import importlib.util
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from types import SimpleNamespace

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "deploy", "demo")]
from demo import Stack, say  # noqa: E402

PROMPTS = os.path.join(ROOT, "bench", "llama_direct", "prompts.txt")
PACKAGES = ("torch", "transformers", "gguf", "accelerate")
LONG = 6000  # Tokens of the job that is cancelled: more than it ever gets to.
SUBMIT_MAX = 500  # Jobs in one request.
POLL_SECONDS = 0.02  # Rarely enough to take no processor time from the model.
SAMPLE_MS = 100
IDLE_SECONDS_MAX = 30


def missing(device):
    """What keeps the benchmark from running, as a sentence that says what to do; None: nothing."""
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            return (f"{sys.executable} has no package {package}: pip install {' '.join(PACKAGES)}, "
                    "or name a python3 that has them: make bench-gpu PYTHON=...")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Of this program and of the stack.
        return None
    import torch
    if not torch.cuda.is_available():
        return ("PyTorch sees no GPU (torch.cuda.is_available() is false): run this on a machine "
                "where nvidia-smi shows one, with a build of PyTorch for it")
    return None


class Gpu:
    """Samples of nvidia-smi on a thread: (time, utilisation in percent)."""

    def __init__(self):
        import torch
        self.samples = []
        self.name = torch.cuda.get_device_name(0)
        device = "GPU-" + str(torch.cuda.get_device_properties(0).uuid)
        self.process = subprocess.Popen(
            ["nvidia-smi", "-i", device, "--query-gpu=utilization.gpu",
             "--format=csv,noheader,nounits", "-lms", str(SAMPLE_MS)],
            stdout=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            if line.strip().isdigit():  # "[N/A]" on a part of a device (MIG).
                self.samples.append((time.time(), int(line)))

    def busy(self, began, ended):
        """Share of the time in which something ran on the device."""
        values = [busy for at, busy in list(self.samples) if began < at < ended]
        return statistics.mean(values) / 100 if values else None

    def seconds_until_idle(self, since):
        """From `since` to the first sample without work; waits for it."""
        while time.time() < since + IDLE_SECONDS_MAX:
            for at, busy in list(self.samples):
                if at > since and busy == 0:
                    return at - since
            time.sleep(SAMPLE_MS / 1000)
        return None

    def stop(self):
        self.process.kill()
        self.process.wait()


class Bench:
    def __init__(self, arguments):
        from worker import load
        self.arguments = arguments
        with open(PROMPTS, encoding="utf-8") as file:
            prompts = [line.strip() for line in file if line.strip()]
        self.inputs = [{"prompt": prompts[i % len(prompts)], "max_tokens": arguments.tokens}
                       for i in range(arguments.batch * arguments.batches)]
        self.folder = tempfile.mkdtemp(prefix="millrace-gpu-")
        self.notes_path = os.path.join(self.folder, "notes")
        self.model = load(arguments.model)
        self.gpu = Gpu() if arguments.device == "cuda" and shutil.which("nvidia-smi") else None
        self.stack = Stack(argparse.Namespace(
            bin=arguments.bin, model=None, backend_url=None, settings=[
                "backend.process.command=" + ",".join(
                    [sys.executable, os.path.join(HERE, "worker.py"), arguments.model,
                     str(arguments.batch), self.notes_path]),
                "backend.process.environment=CUDA_VISIBLE_DEVICES,HF_HUB_OFFLINE",
                *arguments.settings]))

    def start(self):
        self.gateway = self.stack.wait_until_ready()

    def close(self):
        self.stack.stop()
        if self.gpu:
            self.gpu.stop()
        shutil.rmtree(self.folder)

    def notes(self):
        with open(self.notes_path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def alone(self):
        """Tokens per second and the device's busy share, without Millrace."""
        batch, tokens = self.arguments.batch, 0
        began = time.time()
        for i in range(0, len(self.inputs), batch):
            outputs = self.model.handle([SimpleNamespace(input=given, cancelled=False)
                                         for given in self.inputs[i:i + batch]])
            tokens += sum(output["usage"]["completion_tokens"] for output in outputs)
        ended = time.time()
        return {"rate": tokens / (ended - began), "busy": self.busy(began, ended)}

    def through(self):
        """The same through Millrace, and how long the cancel took to give the device away."""
        plug = self.hold_device()
        batches_before = len(self.notes()) if os.path.exists(self.notes_path) else 0
        ids = self.submit()
        cancelled = self.cancel(plug)
        while self.some_are_open():
            time.sleep(POLL_SECONDS)
        ended = time.time()
        _, *batches = self.notes()[batches_before:]  # The first is the long job's.
        began = batches[0]["began"]
        gaps = [after["began"] - before["ended"] for before, after in zip(batches, batches[1:])]
        inside = sum(batch["ended"] - batch["began"] for batch in batches)
        return {"rate": self.tokens_of(ids) / (ended - began), "busy": self.busy(began, ended),
                "cancel": began - cancelled, "gap": statistics.mean(gaps or [0]),
                "tail": ended - batches[-1]["ended"], "inside": inside / (ended - began),
                "batches": len(batches)}

    def busy(self, began, ended):
        return self.gpu.busy(began, ended) if self.gpu else None

    def hold_device(self):
        """Starts the long job; returns its id once it runs."""
        plug = self.gateway.call("/v1/jobs", {"model": "lm", "priority": "high", "input": {
            **self.inputs[0], "max_tokens": LONG}})["id"]
        while self.gateway.call("/v1/jobs/" + plug)["status"] != "in_progress":
            time.sleep(0.01)
        return plug

    def cancel(self, job):
        at = time.time()
        self.gateway.call(f"/v1/jobs/{job}/cancel", {})
        return at

    def submit(self):
        jobs = [{"model": "lm", "input": given} for given in self.inputs]
        ids = []
        for i in range(0, len(jobs), SUBMIT_MAX):
            answer = self.gateway.call("/v1/jobs:batch", {"jobs": jobs[i:i + SUBMIT_MAX]})
            ids += [job["id"] for job in answer["data"]]
        return ids

    def some_are_open(self):
        return self.gateway.call("/v1/jobs?status=queued,in_progress,cancelling&limit=1")["data"]

    def tokens_of(self, ids):
        """What the jobs say that they made; all must have completed."""
        wanted, tokens, page = set(ids), 0, {"has_more": True, "last_id": None}
        while wanted and page["has_more"]:
            after = f"&after={page['last_id']}" if page["last_id"] else ""
            page = self.gateway.call("/v1/jobs?limit=100&status=completed" + after)
            for job in page["data"]:
                if job["id"] in wanted:
                    wanted.remove(job["id"])
                    tokens += job["usage"]["completion_tokens"]
        if wanted:
            raise SystemExit(f"bench-gpu: {len(wanted)} jobs did not complete")
        return tokens

    def cancel_frees(self):
        """What the device has before a long job, while it runs, and after its cancel."""
        batches_before = len(self.notes())
        job = self.hold_device()
        time.sleep(2)
        cancelled = self.cancel(job)
        self.gateway.wait(job)
        result = {"ended": time.time() - cancelled, "note": self.notes()[batches_before]}
        result["idle"] = self.gpu.seconds_until_idle(cancelled) if self.gpu else None
        return result


def share(value):
    return "not measured" if value is None else f"{value:.2f}"


def report(bench, alone, through):
    median = statistics.median
    a, b = (median(run["rate"] for run in runs) for runs in (alone, through))
    arguments = bench.arguments
    busy = [None if runs[0]["busy"] is None else median(run["busy"] for run in runs)
            for runs in (alone, through)]
    cancels = [run["cancel"] for run in through]
    freed = bench.cancel_frees()
    say(f"\n{bench.gpu.name if bench.gpu else arguments.device}, "
        f"{os.path.basename(arguments.model)}: {arguments.batches} batches of {arguments.batch} "
        f"prompts, {arguments.tokens} tokens each; medians of {len(through)} runs in turn\n")
    say("| figure | alone | through Millrace | ratio |")
    say("| --- | --- | --- | --- |")
    say(f"| tokens/s | {a:.0f} | {b:.0f} | {b / a:.3f} |")
    say(f"| device busy (nvidia-smi) | {share(busy[0])} | {share(busy[1])} | |")
    say(f"| time inside model calls | 1.000 | {median(run['inside'] for run in through):.3f} | |")
    for key, what in (("gap", "between two batches"), ("tail", "after the last one")):
        say(f"| {what} | – | {median(run[key] for run in through) * 1000:.0f} ms | |")
    say(f"| batches of a run | {arguments.batches} | {max(run['batches'] for run in through)} | |")
    say("\n| cancel | |\n| --- | --- |")
    say(f"| to the next batch on the device, median and worst | {median(cancels) * 1000:.0f} ms, "
        f"{max(cancels) * 1000:.0f} ms |")
    say(f"| to the job's end as the client sees it | {freed['ended'] * 1000:.0f} ms |")
    say(f"| to the device being idle (sampled each {SAMPLE_MS} ms, averaged by the driver) | "
        + ("not measured |" if freed["idle"] is None else f"{freed['idle'] * 1000:.0f} ms |"))
    if "bytes_peak" in freed["note"]:
        say(f"| memory of tensors: at most, and after | {freed['note']['bytes_peak'] >> 20} MiB, "
            f"{freed['note']['bytes_after'] >> 20} MiB |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", help="where the programs are")
    parser.add_argument("--model", required=True)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=500, help="prompts in a model call")
    parser.add_argument("--batches", type=int, default=3, help="of a run")
    parser.add_argument("--tokens", type=int, default=256, help="of each prompt")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--check", action="store_true", help="only say what is missing")
    arguments = parser.parse_args()
    lack = missing(arguments.device)
    if lack is None and arguments.model.endswith(".gguf") and not os.path.exists(arguments.model):
        lack = (f"there is no {arguments.model}: run deploy/fetch-llama.sh, or name another model: "
                "make bench-gpu MODEL=...")
    if lack:
        raise SystemExit("bench-gpu: nothing was measured: " + lack)
    if arguments.check:
        return
    # The programs started here must also end when this program is terminated.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench-gpu: stopped"))
    bench = Bench(arguments)
    try:
        bench.start()
        alone, through = [], []
        bench.alone()  # Both are warm then.
        bench.through()
        for run in range(arguments.runs):
            alone.append(bench.alone())
            through.append(bench.through())
            say(f"run {run + 1}: alone {alone[-1]}, through {through[-1]}")
        report(bench, alone, through)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
