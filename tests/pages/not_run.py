"""The commands that the pages print but the test does not run, each with its reason.

A row is a page, the beginning of a command in it, the reason, and when. A row that fits no command
fails the lint.
"""

import dataclasses
import fnmatch

ALWAYS = "always"
SHARED = "on the machine's own network and process table"  # Where there are no namespaces.


@dataclasses.dataclass(frozen=True)
class Row:
    page: str
    command: str
    reason: str
    when: str = ALWAYS

    def fits(self, page, command):
        return fnmatch.fnmatch(page, self.page) and command.startswith(self.command)


TABLE = [
    Row("README.md", "make ", "builds and tests all of this tree, this test too"),
    Row("README.md", "millrace migrate", "the machine has no host of that name", SHARED),
    Row("README.md", "millrace-gateway", "the machine has no host of that name", SHARED),
    Row("README.md", "millrace-worker", "the machine has no host of that name", SHARED),
    Row("docs/backends.md", "make build", "builds what is being tested"),
    Row("docs/backends.md", "pip install torch", "gigabytes, for a GPU"),
    Row("docs/backends.md", 'millrace up --process "python3 deploy/examples/torch_lm.py',
        "needs PyTorch; `make bench-gpu` runs it"),
    Row("docs/backends.md", """curl -s localhost:8080/v1/jobs --json '{"model": "lm\"""",
        "a job for the model above"),
    Row("docs/backends.md", "kill -HUP", "would reach workers that are not the page's", SHARED),
    Row("deploy/examples/torch_lm.py", "pip install torch", "gigabytes, for a GPU"),
    Row("deploy/examples/torch_lm.py", "millrace up", "needs PyTorch; `make bench-gpu` runs it"),
    Row("bench/results/*.md", "python3 bench/", "a bench, for minutes on a quiet machine"),
    Row("bench/results/*.md", "build/bin/llama_backend_bench", "the same"),
    Row("tests/model/README.md", "tests/model/check", "a test of its own runs it, for minutes"),
    Row("tests/simulation/README.md", "millrace-simulate", "minutes; tests of its own run it"),
]


def row_for(page, command, is_alone, table=None):
    """Returns the row that says why the command is not run; None if it is run."""
    for row in TABLE if table is None else table:
        if row.fits(page, command) and (row.when == ALWAYS or not is_alone):
            return row
    return None


def stale_rows(commands, table=None):
    """Returns the rows that fit no (page, command)."""
    return [row for row in (TABLE if table is None else table)
            if not any(row.fits(page, command) for page, command in commands)]
