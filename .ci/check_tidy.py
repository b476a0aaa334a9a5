#!/usr/bin/env python3
"""clang-tidy over our sources: `check_tidy.py` for all that changed since they last passed, with the
checks that are quick and find most, or `check_tidy.py FILE...` for these with all of .clang-tidy.

What passed is remembered in build/tidy by the hash of a source, of our headers that it includes and
of the checks.
"""

import concurrent.futures
import functools
import hashlib
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Its sources are compiled one by one (CMakePresets.json).
BUILD = ROOT / "build/dev"
PASSED = ROOT / "build/tidy"
# Misuses that must be found: otherwise the checks of locks are off.
UNLOCKED = ".ci/unlocked.cc"
UNLOCKED_COUNT = 3
FOLDERS = ("common", "producer", "worker")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
QUICK = ("--checks=-clang-analyzer-*,-bugprone-*,bugprone-dangling-handle,bugprone-infinite-loop,"
         "bugprone-unused-raii,bugprone-unused-return-value,bugprone-use-after-move")
# The commands are g++'s; clang does not know all of its warnings. -Wthread-safety checks the
# annotations of common/base/mutex.h.
COMMON = ["--quiet", "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wthread-safety"]


def prepare():
    """A configured build, for the compile commands, and protobuf's headers in it."""
    prefix = os.environ.get("MILLRACE_CACHE", str(pathlib.Path.home() / ".cache/millrace"))
    for command in (["cmake", "--preset", "dev", f"-DCMAKE_PREFIX_PATH={prefix}/llama"],
                    ["cmake", "--build", "build/dev", "--target", "millrace_proto"]):
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    PASSED.mkdir(parents=True, exist_ok=True)


@functools.cache
def reached(name):
    """The source itself and every file of ours that it includes, directly or not."""
    found, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current not in found and (ROOT / current).is_file():
            found.add(current)
            waiting += INCLUDE.findall((ROOT / current).read_text())
    return sorted(found)


def digest(name, arguments):
    state = hashlib.sha256(repr(COMMON + arguments).encode())
    for part in [".clang-tidy", *reached(name)]:
        state.update((ROOT / part).read_bytes())
    return state.hexdigest()


def clang_tidy(*arguments):
    return subprocess.run(["clang-tidy-14", *COMMON, *arguments], cwd=ROOT, capture_output=True,
                          text=True, check=False)


def locks_are_checked():
    found = clang_tidy(QUICK, UNLOCKED, "--", "-std=c++20", f"-I{ROOT}").stdout
    return found.count("[clang-diagnostic-thread-safety-analysis") == UNLOCKED_COUNT


def tidy(name, arguments):
    mark = PASSED / digest(name, arguments)
    if mark.exists():
        return ""
    run = clang_tidy("-p", str(BUILD), *arguments, name)
    if run.returncode == 0:
        mark.touch()
        return ""
    return run.stdout or run.stderr


def main():
    prepare()
    if not locks_are_checked():
        print(f"{UNLOCKED}: clang-tidy does not find its {UNLOCKED_COUNT} misuses of a lock",
              file=sys.stderr)
        return 1
    commands = (BUILD / "compile_commands.json").read_text()
    names = sys.argv[1:] or sorted(path.relative_to(ROOT).as_posix() for folder in FOLDERS
                                   for path in (ROOT / folder).rglob("*.cc"))
    arguments = [] if sys.argv[1:] else [QUICK]
    # What the configuration leaves out, such as the llama backend without its library, has no
    # command to check it with.
    names = [name for name in names if f"{ROOT}/{name}\"" in commands]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = [pool.submit(tidy, name, arguments) for name in names]
        for output in concurrent.futures.as_completed(outputs):
            print(output.result(), file=sys.stderr, end="", flush=True)
    return 1 if any(output.result() for output in outputs) else 0


if __name__ == "__main__":
    sys.exit(main())
