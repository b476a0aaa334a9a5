#!/usr/bin/env python3
"""The pages tell the truth about the tree: paths, names of sources, links, anchors, settings, metrics and make targets
in them exist, and each block says what it is. Tests in tests/pages run what is printed to be run."""

import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/pages"))
sys.dont_write_bytecode = True

import not_run  # noqa: E402
import pages  # noqa: E402

TOP = {path.name for path in ROOT.iterdir()}
SETTING = re.compile(r'SETTING\(\w+, \w+, "([^"]+)"')
METRIC = re.compile(r'"(millrace_\w+)"')
NOT_METRICS = ("millrace_worker", "millrace_module", "millrace_test", "millrace_program")
NOT_SETTINGS = ("docs/api.md",)  # Names events and fields that look like settings.
PLACEHOLDER = re.compile(r"NAME|NNNN|name\b|…|[<>{}]")
SOURCE = re.compile(r"[\w/*][\w./*-]+\.(?:cc|h|inc|pml|proto|sql)")


def ends_of_files():
    """Each path in the tree with all that it ends with: a/b/c.h, b/c.h, c.h."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                           capture_output=True, check=True).stdout.split("\n")
    return {"/".join(parts[first:]) for parts in (name.split("/") for name in names) for first in range(len(parts))}


def is_path(text):
    """Whether a piece of code in a page means a file or folder of this tree."""
    if not re.fullmatch(r"[\w./*-]+", text) or PLACEHOLDER.search(text):
        return False
    head = text.split("/")[0]
    return ("/" in text and head in TOP and head != "build") or bool(
        re.fullmatch(r"[\w-]+\.(md|txt|toml|json)", text) and text[0].isupper())


def check_code(page, targets, settings, metrics, files):
    sections = {setting.split(".")[0] for setting in settings if "." in setting}
    for line, code in page.code():
        where = f"{page.name}:{line}"
        if is_path(code) and not any(ROOT.glob(code.rstrip("/"))):
            yield f"{where}: {code} does not exist"
        elif SOURCE.fullmatch(code) and not PLACEHOLDER.search(code) and not fnmatch.filter(files, code):
            yield f"{where}: {code} is the end of no path in the tree"
        elif re.fullmatch(r"make [a-z-]+", code) and code.split()[1] not in targets:
            yield f"{where}: `{code}` is not a target of the Makefile"
        elif (page.name not in NOT_SETTINGS and re.fullmatch(r"[a-z]+(\.[a-z_]+)+", code)
              and code.split(".")[0] in sections
              and not any(s == code or s.startswith(code + ".") for s in settings)):
            yield f"{where}: {code} is not a setting"
        elif (re.fullmatch(r"millrace_\w+", code) and code not in metrics
              and code not in NOT_METRICS):
            yield f"{where}: {code} is not a metric"


def check_links(page, anchors):
    for line, link in page.links():
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (ROOT / page.name).parent / target if target else ROOT / page.name
        if not path.exists():
            yield f"{page.name}:{line}: the link to {link} leads nowhere"
        elif anchor and anchor not in anchors.get(path.resolve(), ()):
            yield f"{page.name}:{line}: {link}: the page has no such heading"


def check_table(all_pages):
    commands = [(page.name, command.text) for page in all_pages for block in page.blocks
                if block.kind == "sh" for command in pages.commands_of(block)]
    for row in not_run.stale_rows(commands):
        yield f"tests/pages/not_run.py: {row.page} has no command '{row.command}' any more"


def main():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    settings = SETTING.findall((ROOT / "common/config/settings.inc").read_text())
    metrics = METRIC.findall((ROOT / "common/telemetry/catalogue.inc").read_text())
    all_pages = pages.all_pages()
    files = ends_of_files()
    anchors = {(ROOT / page.name).resolve(): page.anchors for page in all_pages}
    problems = [f"{page.name}:{line}: {what}" for page in all_pages for line, what in page.problems]
    for page in all_pages:
        problems += check_code(page, targets, settings, metrics, files)
        problems += check_links(page, anchors)
    problems += check_table(all_pages)
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
