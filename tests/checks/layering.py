#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks that the folders are layers and that the code inside a host process behaves like a guest.

    layering.py ROOT          checks the source tree at ROOT
    layering.py --self-test   shows that every rule can fail

Comments and literals are blanked before the rules look, so prose may speak of what code may not do.
"""

import pathlib
import re
import sys
import tempfile

# What each folder may include, besides itself.
MAY_INCLUDE = {
    "base": set(),
    "protocol": {"base"},
    "routing": {"base"},
    "resolver": {"base"},
    "dialer": {"base", "protocol", "routing", "resolver"},
    "preload": {"base", "protocol", "routing", "resolver", "dialer"},
    "tools": {"base", "protocol", "routing", "resolver", "dialer"},
}
# Everything in these ends up in somebody else's process.
GUESTS = {"base", "protocol", "routing", "resolver", "dialer", "preload"}
# Headers of libraries that one folder alone may use, so that the others do not come to depend on them.
LIBRARY_HEADERS = {"ares.h": "resolver", "ares_dns.h": "resolver"}
SUFFIXES = {".h", ".cc", ".c"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# One alternative per thing that is blanked: comments, raw strings, strings, and characters. A quote after a
# digit or letter is a digit separator (1'000).
NOT_CODE = re.compile(
    r'//(?:[^\n\\]|\\.)*|/\*.*?\*/|R"(?P<d>[^()\s\\]{0,16})\(.*?\)(?P=d)"'
    r'|"(?:[^"\\\n]|\\.)*"|(?<![0-9A-Za-z_])\'(?:[^\'\\\n]|\\.)+\'',
    re.DOTALL)

DYNAMIC_LOOKUP = (re.compile(r"\bdl(?:v?sym|open|mopen)\b"), "only preload/ looks up symbols")
GUEST_RULES = [
    (re.compile(r"\b(?:exit|_exit|_Exit|quick_exit|abort|terminate)\s*\("), "a guest does not end its host"),
    (re.compile(r"(?<!static_)\bassert\s*\("), "a guest does not end its host"),
    (re.compile(r"(?<!libc::)(?<!SOCKSIFY_EXPORT int )\b(?:v?f?printf|v?dprintf|puts|fputs|putchar|perror)\s*\("), "a guest does not print"),
    (re.compile(r"\bstd::(?:print|println|cout|cerr|clog|cin)\b"), "a guest does not print"),
    (re.compile(r"\bstd::w?regex\b"), "no regex in a guest"),
    (re.compile(r"\bstd::(?:jthread|thread|async)\b(?!::id)"), "a guest starts no thread"),
    (re.compile(r"\bpthread_create\s*\("), "a guest starts no thread"),
    (re.compile(r"\bstd::locale\b"), "no locale in a guest"),
    (re.compile(r"\bgetenv\s*\("), "use secure_getenv"),
]
GUEST_HEADERS = {
    "cassert", "assert.h", "fstream", "iomanip", "ios", "iostream", "istream", "locale", "ostream", "print",
    "regex", "sstream", "syncstream", "thread",
}


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def check_include(folder, line):
    match = INCLUDE.match(line)
    if not match:
        return None
    quote, path = match.groups()
    top = path.split("/")[0]
    if quote == "<":
        if top in MAY_INCLUDE and "/" in path:
            return f"<{path}>: the project's own headers stand in quotes"
        if folder in GUESTS and path in GUEST_HEADERS:
            return f"<{path}> has no place in a guest"
        if LIBRARY_HEADERS.get(path, folder) != folder:
            return f"<{path}> is for {LIBRARY_HEADERS[path]}/ alone"
        return None
    if top not in MAY_INCLUDE or "/" not in path or ".." in path.split("/"):
        return f'"{path}": includes name the folder and the file, from the root of the tree'
    if top != folder and top not in MAY_INCLUDE[folder]:
        return f'"{path}": {folder}/ may not include {top}/'
    return None


def check_text(folder, text):
    """Yields (line number, problem)."""
    # Include lines are read before the literals are blanked, but not where a comment hides them.
    code = NOT_CODE.sub(blank, text)
    for number, (raw, line) in enumerate(zip(text.split("\n"), code.split("\n")), 1):
        if line.lstrip().startswith("#"):
            problem = check_include(folder, raw)
            if problem:
                yield number, problem
        rules = list(GUEST_RULES) if folder in GUESTS else []
        if folder != "preload":
            rules.append(DYNAMIC_LOOKUP)
        for pattern, why in rules:
            found = pattern.search(line)
            if found:
                yield number, f"`{found.group(0)}`: {why}"


# Two classes of one name are one to the linker, which takes the destructor of either for both.
CLASS = re.compile(r"^(?:class|struct|union) (\w+)(?: final)?(?: :[^;]*)? \{", re.MULTILINE)


def check_tree(root):
    """Returns (number of files, list of problems)."""
    files, problems, classes = 0, [], {}
    for folder in MAY_INCLUDE:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in SUFFIXES or not path.is_file():
                continue
            files += 1
            text = path.read_text(encoding="utf-8")
            for number, problem in check_text(folder, text):
                problems.append(f"{path.relative_to(root)}:{number}: {problem}")
            for name in CLASS.findall(NOT_CODE.sub(blank, text)) if path.suffix == ".h" else ():
                first = classes.setdefault(name, path)
                if first != path:
                    problems.append(f"{path.relative_to(root)}: `{name}` is another class in {first.relative_to(root)}")
    return files, problems


BAD_SAMPLES = [
    ("base", '#include "protocol/handshake.h"'),
    ("base", '#include "dialer/dialer.h"'),
    ("protocol", '#include "routing/rule.h"'),
    ("protocol", '#include "resolver/fake_table.h"'),
    ("routing", '#include "protocol/handshake.h"'),
    ("routing", '#  include "resolver/fake_table.h"'),
    ("resolver", '#include "routing/rule.h"'),
    ("resolver", '#include "protocol/handshake.h"'),
    ("routing", '#include "dialer/dialer.h"'),
    ("dialer", '#include "preload/runtime.h"'),
    ("dialer", '#include "tools/main.h"'),
    ("preload", '#include "tools/main.h"'),
    ("tools", '#include "preload/runtime.h"'),
    ("tools", '#include "tests/server/server.h"'),
    ("base", '#include "../base/text.h"'),
    ("base", '#include "text.h"'),
    ("dialer", "#include <base/text.h>"),
    ("base", "#include <iostream>"),
    ("base", "#include <sstream>"),
    ("routing", "#include <regex>"),
    ("preload", "#include <thread>"),
    ("preload", "#include <cassert>"),
    ("preload", "#include <ares.h>"),
    ("tools", "#include <ares.h>"),
    ("dialer", 'void* f() { return dlsym(RTLD_NEXT, "connect"); }'),
    ("tools", 'void* f() { return dlsym(RTLD_NEXT, "connect"); }'),
    ("base", "void* (*f)(void*, const char*) = &dlsym;"),
    ("base", "void* f() { return dlvsym(nullptr, nullptr, nullptr); }"),
    ("base", "void f() { exit(1); }"),
    ("base", "void f() { _exit(1); }"),
    ("protocol", "void f() { std::exit (1); }"),
    ("routing", "void f() { abort(); }"),
    ("resolver", "void f() { assert(true); }"),
    ("resolver", 'void f() { printf("x"); }'),
    ("resolver", 'void f() { std::fprintf(stderr, "x"); }'),
    ("preload", 'void f() { dprintf(2, "x"); }'),
    ("preload", 'void f() { std::cerr << "x"; }'),
    ("dialer", "std::regex r;"),
    ("dialer", "std::thread t;"),
    ("dialer", "void f() { pthread_create(nullptr, nullptr, nullptr, nullptr); }"),
    ("preload", 'const char* f() { return getenv("X"); }'),
    ("preload", 'const char* f() { return std::getenv ("X"); }'),
    ("base", 'int i = 1\'000; /* " */ void f() { abort(); }  // "'),
    ("base", 'char c = \'"\'; void f() { abort(); } char d = \'"\';'),
    ("base", 'const char* c = R"(")"; void f() { abort(); } const char* d = "";'),
]
GOOD_SAMPLES = [
    ("base", '#include "base/text.h"\n#include "base/version.h"\n#include <string>'),
    ("dialer", '#include "protocol/handshake.h"\n#include "routing/rule.h"\n#include "base/text.h"'),
    ("preload", '#include "dialer/dialer.h"\nvoid* f() { return dlsym(nullptr, "connect"); }'),
    ("tools", '#include <iostream>\n#include "routing/rule.h"\nvoid f() { exit(std::printf("x")); }'),
    ("resolver", "#include <ares.h>"),
    ("base", "// abort() and dlsym() are not for us; nor is\n/* #include <iostream>\n exit(1) */ int i;"),
    ("base", 'const char* kText = "abort(), \\"dlsym\\" and getenv(";'),
    ("base", 'const char* kText = R"x(abort() " dlsym)x";'),
    ("base", "int i = 1'000; int j = 2'000; static_assert(true);"),
    ("base", 'const char* f() { return secure_getenv("X"); }'),
    ("base", "void at_exit(); void f() { at_exit(); int n = snprintf(nullptr, 0, nullptr); }"),
    ("base", "/*\n#include <iostream>\n*/"),
]


def self_test():
    failures = []
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for folder in MAY_INCLUDE:
            (root / folder).mkdir()
        for samples, want in ((BAD_SAMPLES, 1), (GOOD_SAMPLES, 0)):
            for folder, text in samples:
                sample = root / folder / "sample.cc"
                sample.write_text(text + "\n")
                _, problems = check_tree(root)
                sample.unlink()
                if len(problems) != want:
                    failures.append(f"{folder}: {text!r}: expected {want} problem(s), found {problems}")
        for second, want in (("class A {\n};", 1), ("class A;\nclass B {\n};", 0), ("// class A {", 0)):
            (root / "base/a.h").write_text("class A {\n};\n")
            (root / "routing/b.h").write_text(second + "\n")
            _, problems = check_tree(root)
            if len(problems) != want:
                failures.append(f"two headers, {second!r}: expected {want} problem(s), found {problems}")
    print("\n".join(failures) or f"{len(BAD_SAMPLES)} bad samples refused, {len(GOOD_SAMPLES)} good ones pass")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    files, problems = check_tree(pathlib.Path(arguments[0]))
    if files == 0:
        problems.append(f"{arguments[0]}: no source file found")
    print("\n".join(problems) or f"{files} files keep to their layers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
