#!/usr/bin/env python3
"""The worst patterns of docs/style.md: archaisms everywhere, and comments that begin with a fragment."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ARCHAIC = re.compile(r"\b(anew|for ever|(?:in|from) (?:its|their|his|whose) stead|therein|thereof|henceforth)\b",
                     re.IGNORECASE)
# The beginning of a comment, after a line that is none or that ended a sentence.
FRAGMENT = re.compile(r"^\s*// (Who|Whose|Of)\b(?! (course|these|those)\b)")
SENTENCE_ENDS = re.compile(r"(^|[.:;!?)]|^\s*//)\s*$")
# The page shows what to avoid; licences and recorded answers are others' words.
EXEMPT = ("docs/style.md", ".ci/check_prose.py", "tests/golden/", "tests/support/recorded/")


def our_files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split("\n")
    kinds = (".h", ".cc", ".inc", ".md", ".py", ".sh", ".sql", ".proto", ".toml")
    return [name for name in listed
            if name.endswith(kinds) and not name.startswith(EXEMPT) and (ROOT / name).is_file()]


def check(name):
    previous = ""
    for number, line in enumerate((ROOT / name).read_text().split("\n"), 1):
        if found := ARCHAIC.search(line):
            yield f"{name}:{number}: '{found.group()}' is archaic; see docs/style.md"
        begins = not previous.lstrip().startswith("//") or SENTENCE_ENDS.search(previous)
        if name.endswith((".h", ".cc", ".inc")) and begins and FRAGMENT.match(line):
            yield f"{name}:{number}: begin with the subject, not with '{line.strip()[3:].split()[0]}'; see docs/style.md"
        previous = line


def main():
    problems = [problem for name in our_files() for problem in check(name)]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
