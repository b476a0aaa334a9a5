"""Tokens per second of a real model, n jobs at once: by the library alone, by the backend called
directly, and through the whole of Millrace.

The same prompts, token limits and threads; the three in turn, level by level, so that a machine
whose speed drifts is as kind to one as to the other. Prints a table of medians.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "deploy", "demo"))
from demo import Stack, tokens_of  # noqa: E402

PROMPTS = os.path.join(ROOT, "bench", "llama_direct", "prompts.txt")
TOKENS = 64
LEVELS = (1, 4, 8, 16)
WARM_UPS_MAX = 20
WARM_QUEUE_MS = 50


def run(program, *arguments):
    """Tokens/s in the last line of what a program prints."""
    out = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True,
                         check=True).stdout
    return float(out.splitlines()[-1].split()[3])


def library(arguments, level):
    """The library's own loop."""
    return run(os.path.join(arguments.bin, "llama_direct"), arguments.model, PROMPTS, TOKENS,
               arguments.threads, level)


def backend(arguments, level):
    """The backend alone, called directly."""
    return run(os.path.join(arguments.bin, "llama_backend_bench"), arguments.model, PROMPTS,
               arguments.threads, "throughput", level)


def run_at_once(gateway, jobs):
    """The jobs when all are over."""
    ids = [job["id"] for job in gateway.call("/v1/jobs:batch", {"jobs": jobs})["data"]]
    return [gateway.wait(job_id) for job_id in ids]


def warm_up(gateway, level):
    """Until all of a burst start at once: a consumer needs some seconds to get its partitions, and
    until then its worker looks for jobs in the database, a few at a time."""
    jobs = [{"model": "demo", "input": {"prompt": "Hello", "max_tokens": 4}}] * level
    for _ in range(WARM_UPS_MAX):
        if all(job["timing"]["queue_ms"] < WARM_QUEUE_MS for job in run_at_once(gateway, jobs)):
            return
    raise SystemExit("llama_through: jobs wait long although nothing else runs")


def through(arguments, level):
    """All prompts as jobs on a worker with `level` sequences: tokens/s, first submit to last end."""
    with open(PROMPTS, encoding="utf-8") as file:
        prompts = [line.strip() for line in file if line.strip()]
    stack = Stack(argparse.Namespace(
        bin=arguments.bin, model=arguments.model, backend_url=None,
        settings=[f"backend.llama.slots={level}", f"backend.llama.context={1024 * level}",
                  f"backend.llama.threads={arguments.threads}"]))
    try:
        gateway = stack.wait_until_ready()
        warm_up(gateway, level)
        jobs = [{"model": "demo", "input": {"messages": [{"role": "user", "content": prompt}],
                                            "max_tokens": TOKENS, "temperature": 0.8, "seed": i}}
                for i, prompt in enumerate(prompts)]
        started = time.monotonic()
        finished = run_at_once(gateway, jobs)
        seconds = time.monotonic() - started
    finally:
        stack.stop()
    assert all(job["status"] == "completed" for job in finished), finished
    return sum(tokens_of(job) for job in finished) / seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: one for each processor")
    parser.add_argument("--levels", type=int, nargs="+", default=LEVELS)
    arguments = parser.parse_args()
    measures = (library, backend, through)
    rates = {(level, measure): [] for level in arguments.levels for measure in measures}
    for _ in range(arguments.runs):
        for level in arguments.levels:
            for measure in measures:
                rates[level, measure].append(measure(arguments, level))
    print("| jobs at once | library alone, tokens/s | the backend called directly | through "
          "Millrace | backend / library | Millrace / library |")
    print("| --- | --- | --- | --- | --- | --- |")
    for level in arguments.levels:
        # Each turn gives a ratio of its own: a disturbance of the machine affects both sides alike.
        ratios = [statistics.median(b / a for a, b in zip(rates[level, library],
                                                          rates[level, measure]))
                  for measure in (backend, through)]
        medians = [statistics.median(rates[level, measure]) for measure in measures]
        print(f"| {level} | " + " | ".join(f"{rate:.1f}" for rate in medians) + " | "
              + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


if __name__ == "__main__":
    main()
