#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""start_order.py BUILD_DIR: writes tools/start_order.ld, the functions that a start by the launcher runs.

BUILD_DIR is a release build with a static launcher. Needs valgrind. Functions that are renamed drop out of the list
without harm; it is worth making anew when the launcher's start has changed much.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What libc runs for the vDSO, which valgrind hides, and the call before which it stops counting.
UNSEEN = {"__libc_calloc", "__memset_avx2_unaligned_erms", "__pthread_mutex_lock", "__pthread_mutex_unlock",
          "__strcmp_avx2", "_dl_add_to_namespace_list", "_dl_lookup_symbol_x", "_dl_new_object", "_dl_setup_hash",
          "_dl_name_match_p", "_dl_vdso_vsym", "check_match", "do_lookup_x", "dl_vdso_vsym", "execve"}
HEAD = """/* SPDX-License-Identifier: BSD-2-Clause
   Made by tests/bench/start_order.py: what a start by the launcher runs lies together, so that half as many pages of
   the file are mapped for it. */
SECTIONS {
  .text.start_order : {
"""
TAIL = "  }\n} INSERT BEFORE .text;\n"


def functions_run(launcher: pathlib.Path) -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["valgrind", "--tool=callgrind", "--demangle=no", "--dump-before=execve",
                        f"--callgrind-out-file={folder}/out", launcher, "-v", "--", "true"],
                       env={"PATH": "/usr/bin:/bin", "HOME": folder, "SOCKSIFY_PROXY": "socks5://127.0.0.1:1"}, stderr=subprocess.DEVNULL, check=True)
        text = "".join(file.read_text() for file in pathlib.Path(folder).iterdir())
    return {name.split("'")[0] for name in re.findall(r"^c?fn=\(\d+\) (\S+)", text, re.MULTILINE)}


def libc_members() -> tuple[dict[str, str], set[str]]:
    """Which object of libc.a has a function, and all objects."""
    archive = subprocess.run(["g++", "-print-file-name=libc.a"], capture_output=True, text=True, check=True).stdout.strip()
    symbols = subprocess.run(["nm", "-A", "--defined-only", archive], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^[^:]*:([^:]+):\S+ [tTwWi] (\S+)$", symbols, re.MULTILINE)
    return {name: member for member, name in found}, {member for member, _ in found}


def main() -> None:
    build = pathlib.Path(sys.argv[1]).resolve()
    names = functions_run(build / "bin" / "socksify") | UNSEEN
    member_of, members = libc_members()
    # A constructor or destructor goes by two names, and its section by the other one.
    both = (re.sub(r"([CD])[12](?=[EI])", r"\1[12]", name) for name in names if name.startswith("_Z"))
    sections = {f"*(.text.{name})" for name in both}
    sections.add("*(.text.startup.main)")
    for name in names:
        member = member_of.get(name)
        if member is None or name.startswith("_Z"):
            continue
        # Which variant of a string function runs depends on the processor, and valgrind's is not the newest.
        function, *variant = re.split(r"-(?=sse|avx|evex)", member.removesuffix(".o"))
        variants = {other for other in members if variant and re.match(re.escape(function) + "-(avx|evex)", other)}
        sections |= {f"*libc.a:{one}(.text .text.avx .text.evex .text.evex512)" for one in {member, *variants}}
    lines = "".join(f"    {section}\n" for section in sorted(sections))
    (ROOT / "tools" / "start_order.ld").write_text(HEAD + lines + TAIL)


main()
