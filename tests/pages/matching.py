"""Decides whether an answer matches what a page prints.

The match is loose: `…` stands for anything, numbers and ids of one kind for each other, and a value
may be null on either side. But an answer has all members that the page prints and no others, and
its texts are those of the page.
"""

import json
import re

ID = r"\b(?P<kind>job|wrk)_[0-9a-z]*…?"
ANYTHING = r"(?P<anything>…)"
NUMBER = r"(?P<number>\d+(\.\d+)?)"
BLANKS = r"(?P<blanks>[ \t]+)"
ANY_LINES = r"(?:.*\n)*?"
IN_VALUES = re.compile(f"{ID}|{ANYTHING}")
IN_LINES = re.compile(f"{ID}|{ANYTHING}|{NUMBER}|{BLANKS}")


def pattern_of(text, tokens=IN_VALUES):
    """Returns a regular expression for a printed text."""
    pattern, end = "", 0
    for token in tokens.finditer(text):
        pattern += re.escape(text[end:token.start()])
        if token.group("kind"):
            pattern += token.group("kind") + "_[0-9a-z]+"
        else:
            pattern += {"anything": ".*", "number": r"\d+(\.\d+)?", "blanks": r"[ \t]+"}[
                token.lastgroup if token.lastgroup != "kind" else "anything"]
        end = token.end()
    return pattern + re.escape(text[end:])


def differences(printed, seen, where="the answer"):
    """Yields the differences, in words; none if the values match."""
    if printed is None or seen is None or printed == "…":
        return
    if is_number(printed) and is_number(seen):
        return
    if type(printed) is not type(seen):
        yield f"{where}: {json.dumps(seen)[:200]} is not as {json.dumps(printed)[:200]}"
    elif isinstance(printed, dict):
        yield from differing_members(printed, seen, where)
    elif isinstance(printed, list):
        yield from differing_items(printed, seen, where)
    elif isinstance(printed, str) and not re.fullmatch(pattern_of(printed), seen, re.DOTALL):
        yield f"{where}: '{seen[:200]}' is not '{printed}'"
    elif isinstance(printed, bool) and printed is not seen:
        yield f"{where}: {seen} is not {printed}"


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def differing_members(printed, seen, where):
    names = [name for name in printed if name != "…"]
    for name in names:
        if name in seen:
            yield from differences(printed[name], seen[name], f"{where}.{name}")
        else:
            yield f"{where} has no `{name}`"
    if "…" not in printed:
        yield from (f"the page does not have {where}.{name}" for name in seen if name not in names)


def differing_items(printed, seen, where):
    if "…" in printed:
        printed = printed[:printed.index("…")]
        seen = seen[:len(printed)]
    if len(printed) != len(seen):
        yield f"{where} has {len(seen)} items, not {len(printed)}"
    for index, (one, other) in enumerate(zip(printed, seen)):
        yield from differences(one, other, f"{where}[{index}]")


def json_of(text):
    """The value that a page prints; … in place of items or members stands for more of them."""
    text = re.sub(r"([\[,:]\s*)…(?=\s*[\]},])", r'\1"…"', text)
    text = re.sub(r'([{,]\s*)("…"|…)(?=\s*})', r'\1"…": "…"', text)
    return json.loads(text)


def text_differences(printed, seen, in_between=False):
    """Line by line, whatever their numbers and the width of their gaps; a line … is any lines.

    `in_between`: other lines may come before and after.
    """
    lines = [line.strip() for line in printed.rstrip("\n").split("\n")]
    form = "".join(ANY_LINES if line == "…" else rf"[ \t]*{pattern_of(line, IN_LINES)}[ \t]*\n"
                   for line in lines)
    if in_between:
        form = ANY_LINES + form + ANY_LINES
    if not re.fullmatch(form, seen.rstrip("\n") + "\n"):
        yield "it does not print what the page says:\n" + printed
