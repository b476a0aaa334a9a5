#!/usr/bin/env python3
"""No dead rows: every setting is read by a program, every metric is emitted. And what is said in several
places is said in all of them: the settings that switch backends on, the names of the states."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLES = {
    "common/config/settings.inc": (r"^SETTING\((k\w+)", "read"),
    "common/telemetry/catalogue.inc": (r"^METRIC\((k\w+)", "emitted"),
}

# A row of backends_table.cc begins with the setting that switches its backend on.
SWITCH = re.compile(r"^    Row\{\[\]\(const Config& c\) \{ return !?c\.get<Setting::(k\w+)>", re.MULTILINE)
STATE = re.compile(r'^    JobStateInfo\{k\w+, "(\w+)"', re.MULTILINE)


def text_of(name):
    return (ROOT / name).read_text()


def check_backends():
    """`up` looks at each backend's setting, the advice names it, and the page names the backend."""
    names = dict(re.findall(r'^SETTING\((k\w+), \w+, "([^"]+)"', text_of("common/config/settings.inc"), re.MULTILINE))
    switches = SWITCH.findall(text_of("worker/app/backends_table.cc"))
    if len(switches) != text_of("worker/app/backends_table.cc").count("    Row{"):
        yield "worker/app/backends_table.cc: a row does not begin with the setting that switches its backend on"
    for switch in switches:
        if f"Setting::{switch}" not in text_of("producer/cli/up/plan.cc"):
            yield f"producer/cli/up/plan.cc: says nothing of Setting::{switch}, which switches a backend on"
        if names[switch] not in text_of("worker/schedule/model_table.cc"):
            yield f"worker/schedule/model_table.cc: {names[switch]} is missing, which switches a backend on"
        backend = names[switch].split(".")[1]
        if f"`{backend}`" not in text_of("docs/backends.md"):
            yield f"docs/backends.md: the backend `{backend}` is missing"


def check_states():
    for state in STATE.findall(text_of("common/job/job_state.cc")):
        if f'"{state}"' not in text_of("producer/cli/job_arguments.cc"):
            yield f"producer/cli/job_arguments.cc: all_states() has no {state}"


def main():
    code = "".join(path.read_text() for folder in ("common", "producer", "worker")
                   for path in (ROOT / folder).rglob("*") if path.suffix in (".h", ".cc"))
    used = set(re.findall(r"\bk[A-Z]\w*", code))
    problems = [f"{table}: {row} is never {verb}"
                for table, (pattern, verb) in TABLES.items()
                for row in re.findall(pattern, (ROOT / table).read_text(), re.MULTILINE)
                if row not in used]
    problems += [*check_backends(), *check_states()]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
