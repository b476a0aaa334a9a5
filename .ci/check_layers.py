#!/usr/bin/env python3
"""Includes go down the layers of layers.toml only, each library's headers stay in one place, and a
folder's internal headers in their folder. Namespaces mirror folders."""

import collections
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
NAMESPACE = re.compile(r"^namespace (millrace[\w:]*) \{", re.MULTILINE)
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
    its_module = longest(target, rules)
    if its_module == module or its_module in rule["may"]:
        return True
    if any(is_below(target, folder) for folder in rule.get("not", [])):
        return False
    return any(is_below(target, folder) for folder in rule["may"] if folder not in rules)


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


def check_namespace(path, namespaces):
    folder = folder_of(path.relative_to(ROOT).as_posix())
    expected = namespaces.get(folder, "::".join(["millrace", *folder.split("/")[1:]]))
    for found in NAMESPACE.findall(path.read_text()):
        if found != expected:
            yield f"{path.relative_to(ROOT)}: its namespace is {found}; its folder's is {expected}"


def check_shown(paths, shown):
    """Whether the headers that other folders include are those that theirs shows."""
    elsewhere = collections.defaultdict(list)
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        for _, included in INCLUDE.findall(path.read_text()):
            if folder_of(included) != folder_of(name):
                elsewhere[included].append(name)
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        is_shown = folder_of(name) not in shown or path.name in shown[folder_of(name)]
        if path.suffix == ".cc" or is_shown == bool(elsewhere[name]):
            continue
        if is_shown:
            yield f"{name}: nothing elsewhere includes it; leave it out of [shown] in .ci/layers.toml"
        else:
            yield f"{name} is internal to its folder, but {elsewhere[name][0]} includes it"
    for folder, headers in shown.items():
        for header in headers:
            if not (ROOT / folder / header).is_file():
                yield f".ci/layers.toml: {folder}/{header} does not exist"


def folder_of(name):
    return name.rpartition("/")[0]


def main():
    layers = tomllib.loads((ROOT / ".ci/layers.toml").read_text())
    rules = {rule["path"]: rule for rule in layers["module"]}
    problems = [f".ci/layers.toml: {path} does not exist"
                for path in rules if not (ROOT / path).is_dir()]
    paths = [path for folder in OURS for path in sorted((ROOT / folder).rglob("*"))
             if path.suffix in (".h", ".cc", ".inc")]
    for path in paths:
        problems += check_file(path, rules, layers["library"])
        problems += check_namespace(path, layers["namespaces"])
    problems += check_shown(paths, layers["shown"])
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
