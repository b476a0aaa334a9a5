"""Compares the pages with the command's own help: whatever one of them names, the other has."""

import re
import subprocess

OPTION = re.compile(r"^ +(?:-\w,\s*)?(--[\w-]+(?:,\s*--[\w-]+)*)", re.MULTILINE)
SUBCOMMANDS = re.compile(r"^(?:Subc|C)ommands:\n((?:[ ]+.*\n?)+)", re.MULTILINE | re.IGNORECASE)
FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
CALL = re.compile(r"^(?:\S*/)?millrace +([a-z]\w*)\b(.*)$")
OF_ALL = {"--help", "--version", "--url", "--json"}
PAGE = "docs/cli.md"


def options_of(text):
    return {name for group in OPTION.findall(text) for name in re.split(r",\s*", group)}


def commands_of(text):
    listed = SUBCOMMANDS.search(text)
    if listed is None:
        return set()
    return set(re.findall(r"^ {2,4}([a-z][\w-]*)", listed.group(1), re.MULTILINE))


def ask(program, *arguments):
    return subprocess.run([program, *arguments], text=True, capture_output=True, check=True).stdout


def help_of(program):
    """The options of each command, and of all of them under the name ''."""
    text = ask(program, "--help")
    found = {"": options_of(text)}
    for command in commands_of(text):
        found[command] = options_of(ask(program, command, "--help")) - found[""]
    return found


def sections_of(page):
    """The text of each section of docs/cli.md that is about a command, by the command's name."""
    parts = re.split(r"^#+ +`millrace (\w+)`.*$", page.prose, flags=re.MULTILINE)
    return {name: re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
            for name, text in zip(parts[1::2], parts[2::2])}


def page_against_help(page, known):
    sections = sections_of(page)
    for command in sorted(set(known) - {""} - set(sections)):
        yield f"{page.name}: there is no section `millrace {command}`"
    for command, text in sections.items():
        if command not in known:
            yield f"{page.name}: there is no command {command}"
            continue
        spans = [span for span in re.findall(r"`([^`]*)`", text) if not CALL.match(span)]
        named = set(FLAG.findall(" ".join(spans))) - OF_ALL
        yield from (f"{page.name}: {command} has no {flag}"
                    for flag in sorted(named - known[command]))
        yield from (f"{page.name}: `millrace {command}` does not name {flag}"
                    for flag in sorted(known[command] - named - OF_ALL))
    for flag in sorted(known[""] - set(FLAG.findall(page.prose)) - {"--help"}):
        yield f"{page.name}: {flag} is not named"


def calls_against_help(page, known):
    """`millrace COMMAND --flag` in prose."""
    for line, code in page.code():
        call = CALL.match(code)
        if call is None:
            continue
        command, rest = call.groups()
        if command not in known:
            yield f"{page.name}:{line}: there is no command {command}: {code}"
            continue
        for flag in FLAG.findall(rest):
            if flag not in known[command] | known[""] | OF_ALL:
                yield f"{page.name}:{line}: {command} has no {flag}: {code}"


def problems_of(all_pages, program):
    known = help_of(program)
    for page in all_pages:
        if page.name == PAGE:
            yield from page_against_help(page, known)
        if page.name != "CHANGELOG.md":  # It also names past options.
            yield from calls_against_help(page, known)
