#!/usr/bin/env python3
"""clang-tidy over all sources that changed since it last passed, without the analyzer over tests and
benches; `check_tidy.py FOLDER...` over these folders, `check_tidy.py FILE...` over these alone, with
deeper static analysis.

Most of the time goes into the headers of others, so clang-tidy sees up to twelve sources of a
target as one text, as the compiler does (decision 10). One text, and not a file that includes them: the
analyzer follows paths only through what the file itself contains. What a source then gets from its
neighbours is found by g++, which parses each source alone.

What passed is remembered in build/tidy by the hash of the sources, of our headers that they include
and of the checks.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# It compiles the sources of a target together (CMakePresets.json).
BUILD = ROOT / "build"
PASSED = ROOT / "build/tidy"
UNITS = PASSED / "units"
# Misuses that must be found: otherwise the checks of locks are off.
UNLOCKED = ".ci/unlocked.cc"
UNLOCKED_COUNT = 3
SERVING = ("common/", "producer/", "worker/")
OURS = (*SERVING, "tests/", "bench/")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
# Off where several sources are compiled as one (cmake/Compiler.cmake).
UNITED = ("-Wno-shadow", "-Wno-subobject-linkage")
# Where a finding is: clang-tidy names a line of the text.
PLACE = re.compile(r"^\S*/tidy/units/\w+\.cc:(\d+):", re.MULTILINE)
# The commands are g++'s; clang does not know all of its warnings. -Wthread-safety checks the
# annotations of common/base/mutex.h.
COMMON = ["--quiet", "--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wthread-safety"]
# A source takes 2.3 s of one processor so, with all checks (106 sources in 22 texts), and about 1.8 s
# more to be parsed alone. With a text of its own it takes 4.3 s without the analyzer and most of
# bugprone, 6.3 s with all of bugprone and 13 s with the analyzer too (8 sources). In one text the
# analyzer is what costs: 30 s for common/broker/kafka, and 4 s if it follows calls of the smallest
# functions only, as it does unless a file is named.
SHALLOW = [f"--extra-arg={argument}"
           for argument in ("-Xclang", "-analyzer-config", "-Xclang", "mode=shallow")]
# Tests and benches may copy what they like. Texts over several lines stand in lists of texts; a bomb
# is large. The analyzer does not follow GoogleTest's macros: its ten findings were leaks and an
# uninitialised value, none of which we could find in the code, and it costs about half of the time.
UNSERVING = ["--checks=-performance-*,-bugprone-suspicious-missing-comma,-bugprone-string-constructor,"
             "-clang-analyzer-*"]


def prepare():
    """A configured build, for the compile commands, and protobuf's headers in it."""
    prefix = os.environ.get("MILLRACE_CACHE", str(pathlib.Path.home() / ".cache/millrace"))
    for command in (["cmake", "--preset", "release", f"-DCMAKE_PREFIX_PATH={prefix}/llama"],
                    ["cmake", "--build", "build", "--target", "millrace_proto"]):
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    UNITS.mkdir(parents=True, exist_ok=True)


def without_headers(command):
    """The command without the precompiled headers: clang cannot read g++'s, and with them a source
    that misses an include would pass."""
    if "-include" in command:
        at = command.index("-include")
        del command[at:at + 2]
    return command


def units(only):
    """The names of the sources that are compiled as one, with the flags of the compiler. Only those
    whose names begin so; none that the configuration leaves out, such as the llama backend without
    its library."""
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        together = pathlib.Path(entry["file"]).read_text()
        names = [name.removeprefix(f"{ROOT}/") for name in INCLUDE.findall(together)]
        names = [name for name in names if name.startswith(OURS) and name.startswith(only)]
        command = without_headers(shlex.split(entry["command"]))
        if names:
            yield names, command[1:command.index("-o")]


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


def digest(names, arguments):
    state = hashlib.sha256(repr(COMMON + arguments + names).encode())
    for part in [".clang-tidy", *sorted({part for name in names for part in reached(name)})]:
        state.update((ROOT / part).read_bytes())
    return state.hexdigest()


def named(output, names):
    """The findings, with the names and lines of the sources instead of those of the text."""
    def place(match):
        line = int(match.group(1))
        for name in names:
            length = (ROOT / name).read_text().count("\n")
            if line <= length:
                return f"{name}:{line}:"
            line -= length
        return match.group()

    return PLACE.sub(place, output)


def clang_tidy(*arguments):
    return subprocess.run(["clang-tidy-14", *COMMON, *arguments], cwd=ROOT, capture_output=True,
                          text=True, check=False)


def locks_are_checked():
    found = clang_tidy(UNLOCKED, "--", "-std=c++20", f"-I{ROOT}").stdout
    return found.count("[clang-diagnostic-thread-safety-analysis") == UNLOCKED_COUNT


def passes(names, arguments, check):
    """The output of the check; empty if it passes, or did before."""
    mark = PASSED / digest(names, arguments)
    if mark.exists():
        return ""
    run = check(mark.name)
    if run.returncode == 0:
        mark.touch()
        return ""
    return run.stdout or run.stderr


def tidy(names, flags, by_name):
    arguments = [] if by_name else SHALLOW
    if not names[0].startswith(SERVING):
        arguments = arguments + UNSERVING

    def check(text):
        path = UNITS / f"{text}.cc"
        path.write_text("".join((ROOT / name).read_text() for name in names))
        run = clang_tidy(*arguments, str(path), "--", *flags)
        path.unlink()
        run.stdout = named(run.stdout, names)
        return run

    return passes(names, arguments, check)


def alone(name, flags):
    """What g++ says of a source without its neighbours, with the warnings that they confuse."""
    command = ["c++", *(flag for flag in flags if flag not in UNITED), "-fsyntax-only", name]
    return passes([name], ["alone"], lambda _: subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False))


def checks(only):
    """The checks to run, the longest first, so that no processor is idle at the end."""
    by_name = bool(only) and all(name.endswith(".cc") for name in only)
    found = list(units(only or OURS))
    for names, flags in sorted(found, key=lambda unit: -len(unit[0])):
        yield tidy, names, flags, by_name
    for names, flags in found:
        # Six minutes more for the 234 sources of tests and benches; `dev` compiles them alone too.
        if only or names[0].startswith(SERVING):
            # The first has no neighbour before it.
            for name in names[1:]:
                yield alone, name, flags


def main():
    prepare()
    if not locks_are_checked():
        print(f"{UNLOCKED}: clang-tidy does not find its {UNLOCKED_COUNT} misuses of a lock",
              file=sys.stderr)
        return 1
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = [pool.submit(*check) for check in checks(tuple(sys.argv[1:]))]
        for output in concurrent.futures.as_completed(outputs):
            print(output.result(), file=sys.stderr, end="", flush=True)
    return 1 if any(output.result() for output in outputs) else 0


if __name__ == "__main__":
    sys.exit(main())
