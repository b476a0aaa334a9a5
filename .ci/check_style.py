#!/usr/bin/env python3
"""What no formatter checks: sizes of files and functions, forbidden words and forbidden calls."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINE_MAX = 100
FUNCTION_MAX = 70
FILE_MAX = {".cc": 400, ".h": 250}

# Files that may break one rule, each with the reason.
ALLOWED = {
    ("common/runtime/thread.h", "thread"): "the one place that starts threads",
    ("common/base/mutex.h", "lock"): "the one place that wraps them",
    ("common/broker/kafka/consumer.cc", "thread"): "may have to be left behind, see there",
    ("common/broker/kafka/consumer.cc", "detach"): "may have to be left behind, see there",
    ("producer/cli/api_client.cc", "sleep"): "waits for a gateway that is being restarted",
    ("producer/cli/jobs.cc", "sleep"): "polls a gateway that lets nobody wait",
    ("tests/support/eventually.cc", "sleep"): "polls what another process does",
    ("bench/end_to_end/main.cc", "sleep"): "keeps an offered rate",
    ("bench/idle_fleet/main.cc", "sleep"): "watches a fleet for a while",
    ("bench/batching/curve.cc", "sleep"): "keeps an offered rate",
    ("bench/batching/in_process.cc", "sleep"): "keeps an offered rate",
    ("bench/batching/http_clients.cc", "sleep"): "keeps an offered rate",
    ("bench/lanes/engine.cc", "sleep"): "keeps the pace of a model",
    ("bench/lanes/load.cc", "sleep"): "keeps an offered rate",
}

FORBIDDEN = [
    ("unfinished", re.compile(r"\b(TODO|FIXME|XXX)\b"), "finish it or open an issue"),
    ("thread", re.compile(r"\bstd::j?thread\b(?!::)|\bpthread_create\b"), "use runtime::Thread"),
    ("detach", re.compile(r"\.detach\(\)"), "nothing is left behind: join it"),
    ("sleep", re.compile(r"\bsleep_(for|until)\b|\bu?sleep\("),
     "wait on a condition with a deadline"),
    ("lock", re.compile(r"\bstd::(\w*mutex|(scoped|shared|unique)_lock|lock_guard|condition_variable)\b"),
     "use common/base/mutex.h, which clang checks"),
    ("stream", re.compile(r"\bstd::(cout|cerr)\b"), "use common/base/log.h"),
]
# A program talks to a person through its streams; tests start threads and may wait for processes.
EXEMPT = {
    "stream": ("producer/cli/", "tests/", "bench/", "common/broker/kafka/mock/"),
    "thread": ("tests/", "bench/"),
    "lock": ("tests/", "bench/"),
}

# Where a function's body begins: after the parameters or an initialiser list, at the end of a line.
# It ends with a brace that stands as deep as its first line; clang-format guarantees both.
BODY = re.compile(r"\)\s*((const|noexcept|override|final)\s*|->\s*[\w:<>,&*\s]+)*\{$")
STATEMENT = re.compile(r"^\s*(\}|if\b|for\b|while\b|switch\b|do\b|else\b|catch\b|namespace\b)")


def our_files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split("\n")
    return [name for name in listed
            if name.endswith((".h", ".cc")) and (ROOT / name).is_file()]


def code_of(line):
    """The line without its comment and its strings, roughly: enough for words."""
    return re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]


def indent_of(line):
    return len(line) - len(line.lstrip())


def long_functions(lines):
    start = None
    for number, line in enumerate(lines, 1):
        if start is None:
            if BODY.search(line) and not STATEMENT.match(line):
                start, indent = number, body_indent(lines, number)
        elif line.lstrip().startswith("}") and indent_of(line) == indent:
            if number - start + 1 > FUNCTION_MAX:
                yield start, number - start + 1
            start = None


def body_indent(lines, number):
    """How deep the closing brace stands: where the signature begins, which may be lines above."""
    indent = indent_of(lines[number - 1])
    for line in reversed(lines[max(0, number - 20):number - 1]):
        if not line.strip() or line.rstrip().endswith((";", "{", "}", ":")):
            break
        indent = min(indent, indent_of(line))
    return indent


def check(name):
    lines = (ROOT / name).read_text().split("\n")
    limit = FILE_MAX[pathlib.Path(name).suffix]
    if len(lines) - 1 > limit:
        yield f"{name}: {len(lines) - 1} lines; at most {limit}"
    if name.endswith(".h") and "#pragma once" not in lines:
        yield f"{name}: has no #pragma once"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX:
            yield f"{name}:{number}: {len(line)} columns; at most {LINE_MAX}"
        for rule, pattern, advice in FORBIDDEN:
            if (name, rule) in ALLOWED or name.startswith(EXEMPT.get(rule, ())) and rule in EXEMPT:
                continue
            found = pattern.search(line if rule == "unfinished" else code_of(line))
            if found:
                yield f"{name}:{number}: {found[0]}: {advice}"
    for number, length in long_functions(lines):
        yield f"{name}:{number}: a function of {length} lines; at most {FUNCTION_MAX}"


def main():
    problems = [problem for name in our_files() for problem in check(name)]
    problems += [f".ci/check_style.py: {name} is gone" for name, _ in ALLOWED
                 if not (ROOT / name).is_file()]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
