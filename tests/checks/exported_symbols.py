#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks the shared object as a program's loader sees it.

    exported_symbols.py LIBRARY VERSION_SCRIPT
    exported_symbols.py --self-test

Its defined dynamic symbols are exactly those of the version script; it needs libc and the dynamic linker
only; what is loaded of the file is at most 1 MiB (debug information is not); no executable stack and no text
relocations; no constructor, and nothing that makes the dynamic linker look up every call at the start.
"""

import pathlib
import re
import sys

import elf_symbols

MAX_SIZE = 1 << 20
ALLOWED_NEEDED = re.compile(r"libc\.so\.6|ld-linux[^/]*\.so(\.\d+)*")


def check_symbols(exported, nm_text):
    defined = {name for name, _ in elf_symbols.parse_nm(nm_text)}
    for name in sorted(defined - exported):
        yield f"{name}: exported, but not in the version script"
    for name in sorted(exported - defined):
        yield f"{name}: in the version script, but not exported; has its hook lost the export attribute?"


def check_dynamic(readelf_text):
    needed = re.findall(r"\(NEEDED\).*\[([^\]]*)\]", readelf_text)
    if "libc.so.6" not in needed:
        yield f"expected to need libc.so.6, found {needed}"
    for name in needed:
        if not ALLOWED_NEEDED.fullmatch(name):
            yield f"{name}: needed, but only libc and the dynamic linker may be"
    if re.search(r"\(TEXTREL\)|\(FLAGS\).*\bTEXTREL\b", readelf_text):
        yield "it has text relocations; is some object not position independent?"
    for tag in re.findall(r"\((INIT|INIT_ARRAY|PREINIT_ARRAY)\)", readelf_text):
        yield f"it has a constructor ({tag}), which every program under the preload would run"
    if re.search(r"\(BIND_NOW\)|\(FLAGS\).*\bBIND_NOW\b|\(FLAGS_1\).*\bNOW\b", readelf_text):
        yield "it is bound at the start, before any call is made; see preload/CMakeLists.txt"


def check_segments(readelf_text):
    # Type, Offset, VirtAddr, PhysAddr, FileSiz, MemSiz, Flg, Align
    segments = re.findall(r"^\s*(LOAD|GNU_STACK)\s+(?:0x\w+\s+){3}(0x\w+)\s+0x\w+\s+([RWE ]+?)\s+0x\w+",
                          readelf_text, re.MULTILINE)
    stacks = [flags for kind, _, flags in segments if kind == "GNU_STACK"]
    if len(stacks) != 1:
        yield "expected one GNU_STACK header; without it the stack becomes executable"
    if any("E" in flags for flags in stacks):
        yield "it asks for an executable stack"
    loads = [(int(size, 16), flags) for kind, size, flags in segments if kind == "LOAD"]
    if not loads:
        yield "expected LOAD segments, found none"
    if any("W" in flags and "E" in flags for _, flags in loads):
        yield "it has a segment that is both writable and executable"
    size = sum(size for size, _ in loads)
    if size > MAX_SIZE:
        yield f"it loads {size} bytes; the budget is {MAX_SIZE}"


GOOD_NM = "0000000000001000 T connect\n0000000000001010 W close\n"
GOOD_DYNAMIC = (" 0x0000000000000001 (NEEDED)  Shared library: [libc.so.6]\n"
                " 0x0000000000000001 (NEEDED)  Shared library: [ld-linux-x86-64.so.2]\n"
                " 0x000000000000001e (FLAGS)   STATIC_TLS\n"
                " 0x000000006ffffffb (FLAGS_1) Flags: NODELETE\n")
GOOD_SEGMENTS = ("  LOAD  0x000000 0x0000000000000000 0x0000000000000000 0x001000 0x001000 R   0x1000\n"
                 "  LOAD  0x001000 0x0000000000001000 0x0000000000001000 0x0ff000 0x0ff000 R E 0x1000\n"
                 "  GNU_STACK  0x000000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RW  0x10\n")


def self_test():
    exported = {"connect", "close"}
    failures = []

    def expect(what, problems, count):
        problems = list(problems)
        if len(problems) != count:
            failures.append(f"{what}: expected {count} problem(s), found {problems}")

    expect("good symbols", check_symbols(exported, GOOD_NM), 0)
    expect("leaked symbol", check_symbols(exported, GOOD_NM + "0000000000001020 W _ZSt4cout\n"), 1)
    expect("leaked data", check_symbols(exported, GOOD_NM + "0000000000001020 B environ_copy@@V1\n"), 1)
    expect("silent hook", check_symbols(exported, "0000000000001000 T connect\n"), 1)
    expect("good dependencies", check_dynamic(GOOD_DYNAMIC), 0)
    expect("no libc", check_dynamic(""), 1)
    for name in ("libstdc++.so.6", "libm.so.6", "libc.so.60", "libgcc_s.so.1", "libasan.so.8"):
        expect(name, check_dynamic(GOOD_DYNAMIC + f" 0x1 (NEEDED) Shared library: [{name}]\n"), 1)
    expect("text relocations", check_dynamic(GOOD_DYNAMIC + " 0x16 (TEXTREL) 0x0\n"), 1)
    expect("text relocations flag", check_dynamic(GOOD_DYNAMIC + " 0x1e (FLAGS) SYMBOLIC TEXTREL\n"), 1)
    for tag in ("INIT", "INIT_ARRAY", "PREINIT_ARRAY"):
        expect(tag, check_dynamic(GOOD_DYNAMIC + f" 0xc ({tag}) 0x8000\n"), 1)
    expect("size of nothing", check_dynamic(GOOD_DYNAMIC + " 0x1b (INIT_ARRAYSZ) 0 (bytes)\n"), 0)
    for flags in (" 0x18 (BIND_NOW)\n", " 0x1e (FLAGS) BIND_NOW STATIC_TLS\n", " 0x6ffffffb (FLAGS_1) Flags: NOW NODELETE\n"):
        expect("bound at the start", check_dynamic(GOOD_DYNAMIC + flags), 1)
    expect("good segments", check_segments(GOOD_SEGMENTS), 0)
    expect("executable stack", check_segments(GOOD_SEGMENTS.replace("RW  0x10", "RWE 0x10")), 1)
    expect("no stack header", check_segments(GOOD_SEGMENTS.replace("GNU_STACK", "GNU_RELRO")), 1)
    expect("no segments", check_segments(""), 2)
    expect("writable code", check_segments(GOOD_SEGMENTS.replace("R E", "RWE")), 1)
    expect("one byte too many", check_segments(GOOD_SEGMENTS.replace("0x0ff000 0x0ff000", "0x0ff001 0x0ff001")), 1)

    good_script = "/* hooks */ { global: connect; # one\n close; local: *; };\n"
    if elf_symbols.parse_version_script(good_script) != exported:
        failures.append("a good version script is misread")
    for script in ("", "V1 { global: a; local: *; };", "{ global: a; };", "{ global: a*; local: *; };",
                   "{ global: a; a; local: *; };", "{ global: a local: *; };", "{ global: local: *; };",
                   "{ global: a; local: b; };", "{ global: a; local: *; } V0;"):
        try:
            elf_symbols.parse_version_script(script)
            failures.append(f"accepted {script!r}")
        except elf_symbols.ScriptError:
            pass
    print("\n".join(failures) or "every rule can fail")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    library, script = arguments
    try:
        exported = elf_symbols.parse_version_script(pathlib.Path(script).read_text(encoding="utf-8"))
    except elf_symbols.ScriptError as error:
        print(f"{script}: {error}")
        return 1
    problems = [
        *check_symbols(exported, elf_symbols.run("nm", "-D", "--extern-only", "--defined-only", library)),
        *check_dynamic(elf_symbols.run("readelf", "-dW", library)),
        *check_segments(elf_symbols.run("readelf", "-lW", library)),
    ]
    print("\n".join(f"{library}: {problem}" for problem in problems) or f"{len(exported)} symbols, as written")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
