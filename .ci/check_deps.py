#!/usr/bin/env python3
"""The dependencies in the CMakeLists.txt are those of the includes: a target names each module and library
that its files include (one that a dependency names in DEPS counts), in DEPS if others see the
include in one of its headers, and it names nothing that its files do not include. Every library is
known here, and deploy/install-packages.sh installs what CMake looks for.
"""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)
CALL = re.compile(r"\b(millrace_module|millrace_program|millrace_test|target_link_libraries|set|list)"
                  r"\s*\(([^()]*)\)")
LOOP = re.compile(r"\bforeach\s*\((\w+) (?!IN\b)([^()]*)\)(.*?)endforeach\s*\(\)", re.DOTALL)
SERVING = ("common", "producer", "worker")
FOLDERS = (*SERVING, "tests", "bench")
# The library of a header, by how its name begins.
LIBRARIES = {
    "boost/": ["Boost::headers"],
    "CLI/": ["CLI11::CLI11"],
    "curl/": ["CURL::libcurl"],
    "fmt/": ["fmt::fmt"],
    "ggml": ["llama"],
    "gguf": ["llama"],
    "gmock/": ["GTest::gmock"],
    "google/protobuf/": ["millrace::proto"],
    "gtest/": ["GTest::gmock", "GTest::gtest"],
    "librdkafka/": ["PkgConfig::RDKAFKA"],
    "llama": ["llama"],
    "millrace/v1/": ["millrace::proto"],
    "nlohmann/": ["nlohmann_json::nlohmann_json"],
    "openssl/": ["OpenSSL::SSL", "OpenSSL::Crypto"],
    "pqxx/": ["PkgConfig::PQXX"],
    "prometheus/": ["prometheus-cpp::core"],
    "simdjson.h": ["simdjson::simdjson"],
    "spdlog/": ["spdlog::spdlog"],
    "thread": ["Threads::Threads"],  # In the C library: nobody has to name it.
    "yaml-cpp/": ["PkgConfig::YAML_CPP"],
    "zlib.h": ["ZLIB::ZLIB"],
}
# Headers of the C library and of Linux; those of C++ have neither a slash nor a dot.
SYSTEM = re.compile(r"(arpa|linux|net|netinet|sys)/|(dlfcn|fcntl|grp|netdb|poll|pthread|pwd|sched|signal|unistd"
                    r"|wordexp)\.h$|[^/.]+$")
# What CMake looks for, and the Debian package that has it; none: not from a package, or not needed.
LOOKS_FOR = re.compile(r"^\s*find_package\((\S+)|^\s*pkg_check_modules\(.*IMPORTED_TARGET (\S+)\)", re.MULTILINE)
PACKAGES = {
    "Boost": "libboost1.81-dev",
    "CLI11": "libcli11-dev",
    "CURL": "libcurl4-openssl-dev",
    "fmt": "libfmt-dev",
    "GTest": "libgtest-dev",
    "libpqxx": "libpqxx-dev",
    "llama": None,  # deploy/fetch-llama.sh
    "nlohmann_json": "nlohmann-json3-dev",
    "OpenSSL": "libssl-dev",
    "PkgConfig": "pkg-config",
    "prometheus-cpp": "prometheus-cpp-dev",
    "Protobuf": "libprotobuf-dev",
    "Python3": "python3",
    "rdkafka": "librdkafka-dev",
    "simdjson": None,  # A bench compares with it if it is there.
    "spdlog": "libspdlog-dev",
    "Threads": None,  # The C library.
    "yaml-cpp": "libyaml-cpp-dev",
    "ZLIB": "zlib1g-dev",
}


class Target:
    def __init__(self, kind, folder, arguments):
        self.module = kind == "millrace_module"
        self.name = ("millrace::" if self.module else "") + arguments["NAME"][0]
        self.folder = folder
        self.sources = [(folder / source).resolve().relative_to(ROOT).as_posix()
                        for source in arguments["SRCS"] if "$" not in source]
        self.public = set(arguments["DEPS"])
        self.private = set(arguments["PRIVATE_DEPS"])
        if kind == "millrace_test":
            self.private |= {"GTest::gmock"}

    def named(self):
        return self.public | self.private


def words(text, variables):
    """The arguments of a call, with the variables that the file sets."""
    for word in text.replace('"', " ").split():
        variable = re.fullmatch(r"\$\{(\w+)\}", word)
        yield from variables.get(variable.group(1), [word]) if variable else [word]


def arguments_of(given):
    found, key = collections.defaultdict(list), None
    for word in given:
        if word in ("NAME", "SRCS", "DEPS", "PRIVATE_DEPS", "LABEL", "TIMEOUT"):
            key = word
        elif key and not (key.endswith("DEPS") and "$" in word):
            found[key].append(word)
    return found


def targets_of(path):
    """The targets of a CMakeLists.txt, as if all its conditions held."""
    text = re.sub(r"#.*", "", path.read_text())
    text = LOOP.sub(lambda loop: "".join(loop[3].replace(f"${{{loop[1]}}}", value)
                                         for value in loop[2].split()), text)
    variables, targets = {}, {}
    for function, inside in CALL.findall(text):
        given = list(words(inside, variables))
        if function == "set":
            variables[given[0]] = given[1:]
        elif function == "list" and given[0] == "APPEND":
            variables.setdefault(given[1], []).extend(given[2:])
        elif function == "target_link_libraries" and given[0] in targets:
            targets[given[0]].private.update(given[2:])
        elif function.startswith("millrace_"):
            target = Target(function, path.parent, arguments_of(given))
            targets[target.name] = target
    return targets.values()


class Tree:
    """Our targets and files, and which belongs to which."""

    def __init__(self):
        lists = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("CMakeLists.txt"))]
        self.targets = {target.name: target for path in lists for target in targets_of(path)}
        self.includes = {path.relative_to(ROOT).as_posix(): INCLUDE.findall(path.read_text())
                         for folder in FOLDERS for path in (ROOT / folder).rglob("*")
                         if path.suffix in (".h", ".cc", ".inc")}
        self.by_source, self.by_folder = {}, collections.defaultdict(set)
        for target in self.targets.values():
            owner = target.name if target.module else None
            if target.module:
                self.by_folder[target.folder.relative_to(ROOT).as_posix()].add(owner)
            for source in target.sources:
                self.by_source[source] = self.by_source.get(source) or owner
                if target.module:
                    self.by_folder[source.rpartition("/")[0]].add(owner)

    def owner(self, header):
        """The module of a header: that of the source of the same name, or the only one of its folder.
        None for other headers, such as those of a program: they belong to each target that includes
        them."""
        source = header.rpartition(".")[0] + ".cc"
        if source in self.by_source:
            return self.by_source[source]
        folder = header.rpartition("/")[0]
        while folder not in self.by_folder and "/" in folder:
            folder = folder.rpartition("/")[0]
        found = self.by_folder.get(folder, ())
        return next(iter(found)) if len(found) == 1 else None

    def providers(self, included):
        """The modules or libraries of which one provides this header; none for those of the system."""
        if included in self.includes:
            owner = self.owner(included)
            return [owner] if owner else []
        return next((found for start, found in LIBRARIES.items() if included.startswith(start)), [])

    def offered(self, name):
        """A target or library, and everything that whoever names it gets with it."""
        found, waiting = set(), [name]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting += self.targets[current].public if current in self.targets else []
        return found

    def own(self, target):
        """The target's sources, and the headers that these include and no other target owns."""
        found, waiting = set(), list(target.sources)
        if target.module:
            waiting += [file for file in self.includes if file.endswith((".h", ".inc"))
                        and self.owner(file) == target.name]
        while waiting:
            current = waiting.pop()
            if current in found or current not in self.includes:
                continue
            found.add(current)
            waiting += [file for file in self.includes[current] if file in self.includes
                        and self.owner(file) in (None, target.name)]
        return found


def check_target(tree, target, seen_by_others):
    within = {name for dependency in target.named() for name in tree.offered(dependency)}
    public = {name for dependency in target.public for name in tree.offered(dependency)}
    listed = (target.folder / "CMakeLists.txt").relative_to(ROOT).as_posix()
    used = set()
    for file in sorted(tree.own(target)):
        for included in tree.includes[file]:
            providers = tree.providers(included)
            used.update(providers)
            if not providers or target.name in providers or "Threads::Threads" in providers:
                continue
            if not within.intersection(providers):
                yield f"{listed}: {target.name} includes {included} ({file}): name {providers[0]}"
            elif target.module and file in seen_by_others and not public.intersection(providers):
                yield (f"{listed}: others see {included} in {file} of {target.name}: "
                       f"name {providers[0]} in DEPS")
    for name in sorted(target.named() - used - {"GTest::gmock"}):
        yield f"{listed}: {target.name} includes nothing of {name}"


def check_libraries(tree):
    """Whether this file knows each library, and the script installs each that CMake looks for."""
    for file, includes in tree.includes.items():
        for included in includes:
            if not (included in tree.includes or included.startswith(tuple(LIBRARIES)) or SYSTEM.match(included)
                    or (ROOT / included).is_file()):
                yield f"{file}: {included} belongs to no library of LIBRARIES in .ci/check_deps.py"
    installed = set(re.sub(r"#.*", "", (ROOT / "deploy/install-packages.sh").read_text()).split())
    lists = [ROOT / "CMakeLists.txt", *(ROOT / "cmake").glob("*.cmake"),
             *(path for folder in FOLDERS for path in (ROOT / folder).rglob("CMakeLists.txt"))]
    for path in lists:
        for groups in LOOKS_FOR.findall(path.read_text()):
            name = "".join(groups)
            if name not in PACKAGES:
                yield f"{path.relative_to(ROOT)}: {name} is missing in PACKAGES of .ci/check_deps.py"
            elif PACKAGES[name] not in {None, *installed}:
                yield f"deploy/install-packages.sh: {PACKAGES[name]} is missing, which has {name}"


def main():
    tree = Tree()
    # Tests and benches also include what is internal to a module; they name its libraries themselves.
    owned = [tree.own(target) for target in tree.targets.values()
             if target.folder.relative_to(ROOT).as_posix().startswith(SERVING)]
    seen = {included for files in owned for file in files
            for included in tree.includes[file] if included not in files}
    # What a header that others see includes of its own module, others see too.
    waiting = list(seen)
    while waiting:
        for included in tree.includes.get(waiting.pop(), []):
            if included in tree.includes and included not in seen:
                seen.add(included)
                waiting.append(included)
    problems = [problem for target in tree.targets.values()
                for problem in check_target(tree, target, seen)]
    problems += check_libraries(tree)
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
