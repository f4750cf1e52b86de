# SPDX-License-Identifier: BSD-2-Clause
"""What the checks of the shared object have in common: its version script and the symbols that nm lists."""

import re
import subprocess

ANONYMOUS_SCRIPT = re.compile(r"\{\s*global\s*:(?P<names>[^{}:]*)local\s*:\s*\*\s*;\s*\}\s*;")


class ScriptError(Exception):
    pass


def parse_version_script(text):
    """The exported names of an anonymous version script: { global: a; b; local: *; };"""
    text = re.sub(r"/\*.*?\*/|#[^\n]*", " ", text, flags=re.DOTALL)
    match = ANONYMOUS_SCRIPT.fullmatch(text.strip())
    if not match:
        raise ScriptError("expected `{ global: NAME; ... local: *; };` without a version name: with one, "
                          "the dynamic linker does not bind libc's callers to the hooks")
    names = [name.strip() for name in match["names"].split(";")]
    if names.pop() != "":
        raise ScriptError("expected `;` after the last name")
    for name in names:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ScriptError(f"expected the exact name of a symbol, found `{name}`")
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ScriptError(f"named twice: {', '.join(duplicates)}")
    if not names:
        raise ScriptError("no symbol is exported")
    return set(names)


def parse_nm(text):
    """The (name, version) pairs of `nm -D --defined-only`; the version is "" where there is none. The names of
    the versions themselves (type A) are left out."""
    symbols = set()
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 2 or fields[-2] == "A":
            continue
        name, _, version = fields[-1].partition("@")
        symbols.add((name, version.lstrip("@")))
    return symbols


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, env={"LC_ALL": "C",
                          "PATH": "/usr/local/bin:/usr/bin:/bin"}).stdout
