#!/usr/bin/env python3
"""The pages tell the truth about the tree: paths, links, settings and make targets in them exist."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
TOP = {path.name for path in ROOT.iterdir()}
SETTING = re.compile(r'SETTING\(\w+, \w+, "([^"]+)"')
NOT_SETTINGS = ("docs/api.md",)  # Names events and fields that look like settings.
PLACEHOLDER = re.compile(r"NAME|NNNN|name\b|…|[<>{}]")


def pages():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT,
                            text=True, capture_output=True, check=True).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def is_path(text):
    """Whether a piece of code in a page means a file or folder of this tree."""
    if not re.fullmatch(r"[\w./*-]+", text) or PLACEHOLDER.search(text):
        return False
    head = text.split("/")[0]
    return ("/" in text and head in TOP and head != "build") or bool(
        re.fullmatch(r"[\w-]+\.(md|txt|toml|json)", text) and text[0].isupper())


def check(page, targets, settings):
    name = page.relative_to(ROOT).as_posix()
    text = page.read_text()
    sections = {setting.split(".")[0] for setting in settings if "." in setting}
    for code in CODE.findall(FENCE.sub("", text)):
        if is_path(code) and not any(ROOT.glob(code.rstrip("/"))):
            yield f"{name}: {code} does not exist"
        elif re.fullmatch(r"make [a-z-]+", code) and code.split()[1] not in targets:
            yield f"{name}: `{code}` is no target of the Makefile"
        elif (name not in NOT_SETTINGS and re.fullmatch(r"[a-z]+(\.[a-z_]+)+", code)
              and code.split(".")[0] in sections
              and not any(s == code or s.startswith(code + ".") for s in settings)):
            yield f"{name}: {code} is no setting"
    for link in LINK.findall(text):
        if "://" not in link and not (page.parent / link).exists():
            yield f"{name}: the link to {link} leads nowhere"


def main():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    settings = SETTING.findall((ROOT / "common/config/settings.inc").read_text())
    problems = [problem for page in pages() for problem in check(page, targets, settings)]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
