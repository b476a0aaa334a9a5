"""Tokens per second of a real model, n jobs at once: through Millrace and by the library alone.

The same prompts, token limits and threads; the two in turn, run by run, so that a machine whose
speed drifts is as kind to one as to the other. Prints a table of medians.
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


def alone(arguments):
    """The library's own loop: {sequences: tokens/s}."""
    out = subprocess.run([os.path.join(arguments.bin, "llama_direct"), arguments.model, PROMPTS,
                          str(TOKENS)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in out.splitlines()[2:]]
    return {int(row[0]): float(row[3]) for row in rows}


def through(arguments, level):
    """All prompts as jobs on a worker with `level` sequences: tokens/s, first submit to last end."""
    with open(PROMPTS, encoding="utf-8") as file:
        prompts = [line.strip() for line in file if line.strip()]
    stack = Stack(argparse.Namespace(
        bin=arguments.bin, model=arguments.model, backend_url=None,
        settings=[f"backend.llama.slots={level}", f"backend.llama.context={1024 * level}"]))
    try:
        gateway = stack.wait_until_ready()
        gateway.run_alone({"model": "demo", "input": {"prompt": "Hello", "max_tokens": 4}})
        jobs = [{"model": "demo", "input": {"messages": [{"role": "user", "content": prompt}],
                                            "max_tokens": TOKENS, "temperature": 0.8, "seed": i}}
                for i, prompt in enumerate(prompts)]
        started = time.monotonic()
        ids = [job["id"] for job in gateway.call("/v1/jobs:batch", {"jobs": jobs})["data"]]
        finished = [gateway.wait(job_id) for job_id in ids]
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
    arguments = parser.parse_args()
    library, millrace = {n: [] for n in LEVELS}, {n: [] for n in LEVELS}
    for _ in range(arguments.runs):
        for level, rate in alone(arguments).items():
            library[level].append(rate)
        for level in LEVELS:
            millrace[level].append(through(arguments, level))
    print("| jobs at once | library alone, tokens/s | through Millrace, tokens/s | ratio |")
    print("| --- | --- | --- | --- |")
    for level in LEVELS:
        a, b = statistics.median(library[level]), statistics.median(millrace[level])
        print(f"| {level} | {a:.1f} | {b:.1f} | {b / a:.2f} |")


if __name__ == "__main__":
    main()
