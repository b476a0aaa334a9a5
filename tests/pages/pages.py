"""The pages of this tree as values: their blocks, commands, headings and links.

A page is a markdown file, or an example whose header says how to run it. What a block is for is
said by its info string: ```sh is run, ```json after a command is its answer, and so on (KINDS).
"""

import ast
import dataclasses
import pathlib
import re
import subprocess
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EXAMPLES = "deploy/examples/*.py"

# The words that may follow ```; a second word is the name of the file that the block contains.
KINDS = {
    "sh": "commands, run in the order of the page",
    "json": "after commands: the answer to the last; else the body of a job",
    "yaml": "settings, which both programs must accept",
    "python": "a file for later commands, with its name: ```python shout.py",
    "text": "after commands: what the last prints; else a picture",
    "mermaid": "a diagram",
}

FENCE = re.compile(r"^ {0,3}(```+)[ \t]*(.*?)[ \t]*$")
HEADING = re.compile(r"^(#+) +(.*?)\s*$")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
LIST_ITEM = re.compile(r"^\s*([-*]|\d+\.)\s")


@dataclasses.dataclass(frozen=True)
class Block:
    line: int  # Of its first line of text.
    kind: str
    name: str  # Of the file that it is; mostly empty.
    text: str
    heading: str  # Under which it stands.
    follows: bool  # Only blank lines are between it and the block before.


@dataclasses.dataclass(frozen=True)
class Command:
    line: int
    text: str


@dataclasses.dataclass
class Page:
    name: str
    blocks: list
    prose: str  # Everything outside blocks, with as many lines as the page.
    anchors: set
    problems: list  # (line, what is wrong) with its form.

    def links(self):
        """Returns (line, target) of each link."""
        return [(self.prose.count("\n", 0, match.start()) + 1, match.group(1))
                for match in LINK.finditer(CODE.sub(blank, self.prose))]

    def code(self):
        """(line, text) of each `piece of code` in the prose; line breaks in it are blanks."""
        return [(self.prose.count("\n", 0, match.start()) + 1, " ".join(match.group(1).split()))
                for match in CODE.finditer(self.prose)]


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def anchor_of(heading, taken):
    """Returns the anchor that repository viewers make of a heading."""
    words = re.sub(r"`|\[|\]\([^)]*\)", "", heading).lower()
    base = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
    anchor, count = base, 0
    while anchor in taken:
        count += 1
        anchor = f"{base}-{count}"
    return anchor


class Parser:
    """Takes a page line by line."""

    def __init__(self, name):
        self.page = Page(name, [], "", set(), [])
        self.heading = ""
        self.prose = []
        self.since = ["begin"]  # The lines since the last block.
        self.block = None  # Its fence and lines, while it is open.

    def take(self, number, line):
        fence = FENCE.match(line)
        if self.block is None and fence:
            self.begin_block(number, *fence.groups())
        elif self.block is None:
            self.take_prose(number, line)
            return
        elif fence and fence.groups() == (self.block["fence"], ""):
            self.end_block()
        else:
            self.block["lines"].append(line)
        self.prose.append("")

    def begin_block(self, number, fence, info):
        kind, _, file = info.partition(" ")
        self.block = {"line": number, "fence": fence, "kind": kind, "file": file, "lines": []}
        if kind not in KINDS:
            self.wrong(number, f"the block is ```{kind}, none of {', '.join(KINDS)}")
        if kind == "python" and not file:
            self.wrong(number, "the file has no name: ```python shout.py")

    def end_block(self):
        block, self.block = self.block, None
        follows = bool(self.page.blocks) and not any(line.strip() for line in self.since)
        text = "".join(line + "\n" for line in block["lines"])
        self.page.blocks.append(Block(block["line"] + 1, block["kind"], block["file"], text,
                                      self.heading, follows))
        self.since = []

    def take_prose(self, number, line):
        heading = HEADING.match(line)
        after_blank = bool(self.since) and not self.since[-1].strip()
        if heading:
            self.heading = heading.group(2)
            self.page.anchors.add(anchor_of(self.heading, self.page.anchors))
        elif re.match(r" {4}\S", line) and after_blank and not in_list(self.since):
            self.wrong(number, "an indented block: use a fence that says what it is")
        self.since.append(line)
        self.prose.append(line)

    def wrong(self, number, what):
        self.page.problems.append((number, what))

    def finish(self):
        if self.block is not None:
            self.wrong(self.block["line"], "the block has no end")
        self.page.prose = "\n".join(self.prose)
        return self.page


def parse(name, text):
    parser = Parser(name)
    for number, line in enumerate(text.split("\n"), 1):
        parser.take(number, line)
    return parser.finish()


def in_list(lines):
    """Whether an indented line after these still belongs to an item of a list."""
    for line in reversed(lines):
        if LIST_ITEM.match(line):
            return True
        if line.strip() and not line.startswith(" "):
            return False
    return False


def parse_example(name, text):
    """The page of a Python file: the indented blocks of its header are commands."""
    header = ast.get_docstring(ast.parse(text), clean=False) or ""
    lines = [textwrap.dedent(line) if line.startswith("    ") else ""
             for line in header.split("\n")]
    blocks = [Block(1, "sh", "", "\n".join(lines) + "\n", "", False)] if any(lines) else []
    return Page(name, blocks, "", set(), [])


def listed(*patterns):
    found = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT,
                           text=True, capture_output=True, check=False)
    if found.returncode == 0:
        return sorted(name for name in found.stdout.split() if (ROOT / name).is_file())
    # A copy of the tree without its history.
    return sorted(path.relative_to(ROOT).as_posix() for pattern in patterns
                  for path in ROOT.glob(pattern if "/" in pattern else "**/" + pattern)
                  if path.relative_to(ROOT).parts[0] != "build")


def all_pages():
    return ([parse(name, (ROOT / name).read_text()) for name in listed("*.md")] +
            [parse_example(name, (ROOT / name).read_text()) for name in listed(EXAMPLES)])


def is_whole(text):
    """Whether a shell would run this, rather than ask for more."""
    if text.endswith("\\\n"):
        return False
    read = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    return read.returncode == 0 and not read.stderr


def commands_of(block):
    """The commands of a block of sh, as a person would enter them one after the other."""
    commands, begin, text = [], None, ""
    for number, line in enumerate(block.text.split("\n"), block.line):
        if not text and (not line.strip() or line.lstrip().startswith("#")):
            continue
        begin = begin or number
        text += line + "\n"
        if is_whole(text):
            commands.append(Command(begin, text.rstrip("\n")))
            begin, text = None, ""
    if text:
        commands.append(Command(begin, text.rstrip("\n")))
    return commands
