#!/usr/bin/env python3
"""Every mutant of tests/mutation still finds the code that it changes, exactly once."""

import pathlib
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]


def main():
    with (ROOT / "tests/mutation/mutants.toml").open("rb") as file:
        mutants = tomllib.load(file)["mutant"]
    complaints = []
    for mutant in mutants:
        for edit in mutant["edit"]:
            count = (ROOT / edit["file"]).read_text().count(edit["find"])
            if count != 1:
                complaints.append(f"tests/mutation/mutants.toml: {mutant['name']}: {edit['find']!r} "
                                  f"stands {count} times in {edit['file']}")
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
