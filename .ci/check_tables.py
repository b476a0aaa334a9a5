#!/usr/bin/env python3
"""No dead rows: every setting is read by a program, every metric is emitted."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLES = {
    "common/config/settings.inc": (r"^SETTING\((k\w+)", "read"),
    "common/telemetry/catalogue.inc": (r"^METRIC\((k\w+)", "emitted"),
}


def main():
    code = "".join(path.read_text() for folder in ("common", "producer", "worker")
                   for path in (ROOT / folder).rglob("*") if path.suffix in (".h", ".cc"))
    used = set(re.findall(r"\bk[A-Z]\w*", code))
    problems = [f"{table}: {row} is never {verb}"
                for table, (pattern, verb) in TABLES.items()
                for row in re.findall(pattern, (ROOT / table).read_text(), re.MULTILINE)
                if row not in used]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
