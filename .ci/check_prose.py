#!/usr/bin/env python3
"""The worst patterns of docs/style.md: archaisms everywhere, comments that begin with a fragment, and
strings and names of tests in unidiomatic English. And the files that comments name exist."""

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
# In messages, help and other strings: "is no X" for "is not an X", "so many" for "this many", personification.
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
UNIDIOMATIC = re.compile(
    r"(?<!there )\b(?:is|are) no\b(?! (?:longer|more|less|such|better)\b)|\bso (?:many|much|long|often)\b(?! (?:as|that)\b)"
    r"|\b(?:is|are) the most\b|\bmakes? no sense\b|\b(?:is|are|was|were|be|been|being) told\b|\bgo(?:es)? on as\b"
    r"|\bis there twice\b", re.IGNORECASE)
# The same in comments and pages, as far as a pattern can tell.
IS_NO = re.compile(r"(?<!there )\b(?:is|are|was|were) no\b(?! (?:longer|more|less|such|better)\b)", re.IGNORECASE)
# Where users' strings are: not in tests, nor in messages of other programs that the code recognises.
HAS_STRINGS = ("common/", "producer/", "worker/")
NOT_OURS = ("worker/backends/openai/outage_words.cc", "worker/backends/openai/context_length.cc")
TEST_NAME = re.compile(r"\b(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)")
ODD_NAME = re.compile(
    r"Anew(?![a-z])|ForEver(?![a-z])|In(?:Its|Their)Stead|So(?:Many|Much|Long|Often)(?![a-z])(?!As)|(?:Is|Are|Be)Told(?![a-z])"
    r"|(?<!There)(?:Is|Are)(?:No(?=[A-Z])|None(?![a-z]))|^(?:Who|Whose|Whom)(?=[A-Z])|^Bears(?=[A-Z])|WhatIsNo(?![a-z])")
# A file that a comment names, such as job_claim.sql or common/base/error.h: a path from the root or a part of one.
COMMENT = re.compile(r"(?:^|\s)(//|--|#)\s+(\S.*)$")
MARK = {".h": "//", ".cc": "//", ".inc": "//", ".proto": "//", ".sql": "--"}
FILE = re.compile(r"(?<![\w./$<{*-])((?:[\w.-]+/)*[\w-]+\.(?:h|cc|inc|sql|py|md|sh|toml|pml|proto|cmake))(?![\w/*{(-]|\.\w)")
OTHERS_FILES = {
    "common/common.h": "llama.cpp",
    "llama.h": "llama.cpp",
    "path/to/declaring.h": "an example",
    "src/include/utils/array.h": "PostgreSQL",
}
ODD_PYTHON_NAME = re.compile(r"\bdef test_(?!\w*there_is_no)\w*?((?<=_)(?:(?:is|are)_no_|so_(?:many|much|long|often)(?!_as)|anew|told)\w*)")
# The subject of a test's name may be its suite, as in TEST(Partitions, StayIfTheyAreFull), but not one called …Test.
FRAGMENT_NAME = re.compile(r"(?:At|By|For|From|In|Of|On|That|To|Under|With|Without)(?=[A-Z])")
FRAGMENT_HELP = re.compile(r'"(?:At|By|For|From|In|Not|Of|On|Or|Under|With|Without) ')
# The page shows what to avoid; licences and recorded answers are others' words.
EXEMPT = ("docs/style.md", ".ci/check_prose.py", "tests/golden/", "tests/support/recorded/")


def our_files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split("\n")
    kinds = (".h", ".cc", ".inc", ".md", ".py", ".sh", ".sql", ".proto", ".toml", ".pml", ".cmake", "CMakeLists.txt")
    return [name for name in listed
            if name.endswith(kinds) and not name.startswith(EXEMPT) and (ROOT / name).is_file()]


def ends_of(names):
    """Each path with all that it ends with: a/b/c.h, b/c.h, c.h."""
    return {"/".join(parts[first:]) for parts in (name.split("/") for name in names) for first in range(len(parts))}


def check_files(name, files):
    """Whether the files that the comments name exist."""
    mark = MARK.get(pathlib.Path(name).suffix, "#")
    for number, line in enumerate((ROOT / name).read_text().split("\n") if not name.endswith(".md") else (), 1):
        comment = COMMENT.search(line)
        for file in FILE.findall(comment.group(2)) if comment and comment.group(1) == mark else ():
            if file not in files and file not in OTHERS_FILES:
                yield f"{name}:{number}: {file} does not exist"


def check(name):
    text = (ROOT / name).read_text()
    for found in TEST_NAME.finditer(text) if name.endswith(".cc") else ():
        suite, test = found.groups()
        number = text.count("\n", 0, found.start()) + 1
        if odd := ODD_NAME.search(test):
            yield f"{name}:{number}: '{odd.group()}' in the name of a test; see docs/style.md"
        if suite.endswith("Test") and (odd := FRAGMENT_NAME.match(test)):
            yield f"{name}:{number}: '{odd.group()}' begins the name of a test without its subject; see docs/style.md"
    if name.startswith("producer/cli/") and name.endswith("_arguments.cc"):
        for found in FRAGMENT_HELP.finditer(text):
            number = text.count("\n", 0, found.start()) + 1
            yield f"{name}:{number}: {found.group()}…: help begins with a verb; see docs/style.md"
    for found in ODD_PYTHON_NAME.finditer(text) if name.endswith(".py") else ():
        yield f"{name}:{text.count(chr(10), 0, found.start()) + 1}: '{found.group(1)}' in the name of a test; see docs/style.md"
    previous = ""
    for number, line in enumerate(text.split("\n"), 1):
        if found := ARCHAIC.search(line):
            yield f"{name}:{number}: '{found.group()}' is archaic; see docs/style.md"
        comment = COMMENT.search(line)
        prose = line if name.endswith(".md") else comment.group(2) if comment else ""
        before = previous.split()[-1:]  # "There" may end the line before.
        if found := IS_NO.search(" ".join([*before, re.sub(r"`[^`]*`|\"[^\"]*\"", "", prose)])):
            yield f"{name}:{number}: '{found.group()}': write 'is not a'; see docs/style.md"
        begins = not previous.lstrip().startswith("//") or SENTENCE_ENDS.search(previous)
        if name.endswith((".h", ".cc", ".inc")) and begins and FRAGMENT.match(line):
            yield f"{name}:{number}: begin with the subject, not with '{line.strip()[3:].split()[0]}'; see docs/style.md"
        if name.startswith(HAS_STRINGS) and name not in NOT_OURS and not line.lstrip().startswith(("//", "#")):
            for text in STRING.findall(line):
                if found := UNIDIOMATIC.search(text):
                    yield f"{name}:{number}: '{found.group()}' in a text; see docs/style.md"
        previous = line


def main():
    names = our_files()
    files = ends_of(names)
    problems = [problem for name in names for problem in (*check(name), *check_files(name, files))]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
