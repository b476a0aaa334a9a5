#!/usr/bin/env python3
"""Every command and example of every page, as it is printed, on the real programs.

    MILLRACE_BIN=build/bin tests/pages/pages_test.py [PAGE…]

A new page or block is covered automatically: see pages.py for the meaning of its info string. What
is not run stands in not_run.py, with its reason.
"""

import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

import command_help
import pages
from isolation import run_alone
from matching import differences, json_of, text_differences
from neighbours import HOSTS, Neighbours
from not_run import row_for
from session import PageError, Session, Tree, server_of

REACHES_GATEWAY = re.compile(r":8080\b|\bmillrace +(?!up\b|migrate\b|completion\b|help\b)\w+")
FETCHES = re.compile(r"deploy/fetch-[\w-]+\.sh\b")
STATUS_IN_PROBLEM = 400


class Reader:
    """Runs the blocks of one page in order."""

    def __init__(self, page, tree, directory):
        self.page = page
        self.tree = tree
        self.session = Session(tree, directory)
        self.neighbours = Neighbours(directory, tree.bin)
        self.failures = []
        self.skipped_section = None
        self.files = {}  # By name: the line where it stands; taken out when a command names it.
        self.ran = 0

    def fail(self, line, what, why):
        shown = "\n".join("    " + part for part in f"{what}\n{why}".rstrip().split("\n"))
        self.failures.append(f"{self.page.name}:{line}\n{shown}")

    def read(self):
        try:
            blocks = self.page.blocks
            for index, block in enumerate(blocks):
                if block.heading == self.skipped_section:
                    continue
                is_answer = block.follows and blocks[index - 1].kind == "sh"
                self.run_block(block, self.answer_to(index), is_answer)
            self.settle()
            self.session.stop()
        except PageError as error:
            self.fail(0, "at the end of the page", error)
        finally:
            self.session.end()
            self.neighbours.close()
        for name, line in self.files.items():
            self.fail(line, name, "no command of the page uses this file")

    def answer_to(self, index):
        """The block that shows what the last command of this one prints; mostly none."""
        after = self.page.blocks[index + 1:index + 2]
        return next((block for block in after
                     if block.follows and block.kind in ("json", "text")), None)

    def run_block(self, block, answer, is_answer):
        if block.kind == "sh":
            self.run_commands(block, answer)
        elif block.kind == "json" and not is_answer:
            self.submit(block)
        elif block.kind == "yaml":
            self.check_settings(block)
        elif block.kind == "python":
            self.keep_file(block)

    def run_commands(self, block, answer):
        commands = pages.commands_of(block)
        for command in commands:
            for name in [name for name in self.files if name in command.text]:
                del self.files[name]
            if row_for(self.page.name, command.text, self.tree.is_alone) is not None:
                continue
            try:
                self.run_command(command, answer if command is commands[-1] else None)
            except (PageError, OSError, RuntimeError) as error:
                if FETCHES.search(command.text) and not os.environ.get("CI"):
                    print(f"pages: {self.page.name}:{command.line}: not there, so the rest of "
                          f"'{block.heading}' is left out: {command.text}", flush=True)
                    self.skipped_section = block.heading
                    return
                self.fail(command.line, "$ " + command.text, error)

    def run_command(self, command, answer):
        self.ran += 1
        self.neighbours.meet(command.text)
        server = server_of(command.text)
        if server is not None:
            self.neighbours.leave(server.port)
            if server.replaces:
                self.settle()
            running = self.session.serve(command.text, server)
            return self.check(answer and self.session.wait_for(
                running, lambda seen: text_differences(answer.text, seen, in_between=True)),
                running.printed())
        if REACHES_GATEWAY.search(command.text):
            self.need_gateway()
        ran = self.session.run(command.text)
        return self.check(list(self.wrong_with(ran, answer)), ran.all())

    @staticmethod
    def check(problems, printed):
        if problems:
            raise PageError("\n".join(problems) + "\n" + printed)

    def need_gateway(self):
        if not self.session.has_gateway():
            self.session.serve("millrace up", server_of("millrace up"))

    @staticmethod
    def wrong_with(ran, answer):
        expects_problem = False
        if answer is not None and answer.kind == "json":
            printed = json_of(answer.text)
            status = printed.get("status") if isinstance(printed, dict) else None
            expects_problem = isinstance(status, int) and status >= STATUS_IN_PROBLEM
            try:
                yield from differences(printed, json.loads(ran.out))
            except json.JSONDecodeError as error:
                yield f"its answer is not JSON: {error}"
        elif answer is not None:
            yield from text_differences(answer.text, ran.out)
        if (ran.code != 0) != expects_problem:
            yield f"it exits with {ran.code}"

    def settle(self):
        """The jobs of this gateway, but for the synthetic ones, did what the page says."""
        if not self.session.has_gateway():
            return
        for job in self.session.jobs:
            ended = self.session.end_of(job)
            if ended.get("model") != "synthetic" and ended.get("status") == "failed":
                raise PageError(f"the job {job} failed: {ended['error']}")

    def submit(self, block):
        self.ran += 1
        try:
            self.need_gateway()
            ended = self.session.submit(json.dumps(json_of(block.text)))
            if ended["status"] != "completed":
                raise PageError(f"the job ended {ended['status']}: {ended['error']}")
        except (PageError, OSError, json.JSONDecodeError) as error:
            self.fail(block.line, block.text, error)

    def check_settings(self, block):
        self.ran += 1
        file = self.tree.path / (block.name or "fragment.yaml")
        file.write_text(block.text)
        if block.name:
            self.neighbours.meet(block.text)
            self.files[block.name] = block.line
        for program in ("millrace-gateway", "millrace-worker"):
            try:
                ran = self.session.run(f"{program} --check-config --config {file.name}")
                if ran.code != 0:
                    raise PageError(ran.all())
            except PageError as error:
                self.fail(block.line, f"{program} --check-config\n{block.text}", error)

    def keep_file(self, block):
        try:
            compile(block.text, block.name, "exec")
        except SyntaxError as error:
            self.fail(block.line, block.name, error)
        (self.tree.path / block.name).write_text(block.text)
        self.files[block.name] = block.line


def chosen(names):
    all_pages = [page for page in pages.all_pages() if page.blocks]
    unknown = [name for name in names if name not in [page.name for page in all_pages]]
    if unknown:
        raise SystemExit(f"pages: no page with examples: {', '.join(unknown)}")
    return [page for page in all_pages if not names or page.name in names]


def run_pages(names, directory, is_alone):
    source = pathlib.Path(os.environ.get("MILLRACE_SOURCE") or pages.ROOT).resolve()
    programs = pathlib.Path(os.environ.get("MILLRACE_BIN") or source / "build/bin").resolve()
    failures, examples = [], 0
    if not names:
        failures += command_help.problems_of(pages.all_pages(), programs / "millrace")
    for page in chosen(names):
        begin = time.monotonic()
        of_page = directory / page.name.replace("/", "-")
        of_page.mkdir(mode=0o755)
        tree = Tree(source, programs, of_page, is_alone)
        reader = Reader(page, tree, of_page / "session")
        reader.read()
        failures += reader.failures
        examples += reader.ran
        if reader.ran:
            print(f"pages: {page.name}: {reader.ran} examples, {len(reader.failures)} failed, "
                  f"{time.monotonic() - begin:.1f} s", flush=True)
    print("\n".join(failures), end="\n" if failures else "")
    print(f"pages: {examples} examples, {len(failures)} failed", flush=True)
    return 1 if failures or not examples else 0


def main():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-pages-"))
    directory.chmod(0o755)  # PostgreSQL's own user must be able to enter it.
    names = sys.argv[1:]
    try:
        code = run_alone(directory, HOSTS, lambda: run_pages(names, directory, True))
        if code is None:
            print("pages: no namespaces here, so on free ports of the machine", flush=True)
            code = run_pages(names, directory, False)
        return code
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
