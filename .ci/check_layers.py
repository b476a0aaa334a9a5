#!/usr/bin/env python3
"""Includes go down the layers of layers.toml only, and each library's headers stay in one place."""

import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
OURS = ("common", "producer", "worker")
GENERATED = ("millrace/v1/",)  # By protoc, from proto/.


def is_below(path, folder):
    return path == folder or path.startswith(folder + "/")


def longest(path, folders):
    """The most specific of the folders that hold the path."""
    return max((f for f in folders if is_below(path, f)), key=len, default=None)


def may_include(module, target, rules):
    rule = rules[module]
    if target.startswith(GENERATED):
        return True  # The libraries' rule says who.
    if longest(target, rules) == module:
        return True
    if any(is_below(target, folder) for folder in rule.get("not", [])):
        return False
    return any(is_below(target, folder) for folder in rule["may"])


def check_file(path, rules, libraries):
    name = path.relative_to(ROOT).as_posix()
    module = longest(name, rules)
    if module is None:
        yield f"{name}: no layer holds this folder; add it to .ci/layers.toml"
        return
    for kind, included in INCLUDE.findall(path.read_text()):
        if kind == '"' and not (ROOT / included).is_file() and not included.startswith(GENERATED):
            yield f"{name}: \"{included}\" is not a path from the root"
        elif kind == '"' and not may_include(module, included, rules):
            yield f"{name}: may not include {included}: {rules[module]['why']}"
        for library in libraries:
            if not included.startswith(tuple(library["headers"])):
                continue
            if not any(is_below(name, folder) for folder in library["only"]):
                yield f"{name}: <{included}> belongs to {', '.join(library['only'])}"


def main():
    layers = tomllib.loads((ROOT / ".ci/layers.toml").read_text())
    rules = {rule["path"]: rule for rule in layers["module"]}
    problems = [f".ci/layers.toml: {path} does not exist"
                for path in rules if not (ROOT / path).is_dir()]
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cc", ".inc"):
                problems += check_file(path, rules, layers["library"])
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
