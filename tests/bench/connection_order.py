#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""connection_order.py BUILD_DIR: writes preload/connection_order.ld, the functions that connections by a proxy run.

In the order in which they run, blocking and then with epoll_wait(2): a program that has waited for a proxy comes back
to caches that others have used meanwhile, and what lies together, and ahead, is read into them sooner.

BUILD_DIR is a release build with tests. Needs valgrind. Functions that are renamed drop out of the list without harm;
it is worth making anew when the way of a connection has changed much.
"""

import bisect
import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
DESTINATION = ("10.77.0.1", "80")  # The test server plays it.
# What is called for each of 50 connections, and not what runs once, or once a second.
LEAST_CALLS = 30
HEAD = """    /* SPDX-License-Identifier: BSD-2-Clause
       Made by tests/bench/connection_order.py. */
"""


@contextlib.contextmanager
def server(build: pathlib.Path, folder: pathlib.Path) -> Iterator[str]:
    port = folder / "port"
    with subprocess.Popen([build / "bin/socksify-testserver", "--quiet", "--lifetime", "600", "--port-file", port,
                           "--echo", DESTINATION[0]]) as process:
        try:
            deadline = time.monotonic() + 10
            while not (port.exists() and port.read_text().strip()):
                if time.monotonic() > deadline:
                    sys.exit("the test server does not start")
                time.sleep(0.01)
            yield f"127.0.0.1:{port.read_text().strip()}"
        finally:
            process.terminate()


def functions_of(library: pathlib.Path) -> list[tuple[int, str]]:
    symbols = subprocess.run(["nm", "-n", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^(\S+) [tTwWi] (\S+)$", symbols, re.MULTILINE)
    # The linker's marks have the addresses of functions.
    return [(int(address, 16), name) for address, name in found if not re.fullmatch(r"socksify_\w+_(begin|end)", name)]


def addresses_run(library: pathlib.Path, folder: pathlib.Path, environment: dict, command: list) -> list[int]:
    """Of all instructions in the library, from its beginning, in their order."""
    subprocess.run(["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={folder}/trace", *command],
                   env={**environment, "LD_PRELOAD": library, "LD_DEBUG": "files", "LD_DEBUG_OUTPUT": f"{folder}/files"},
                   stdout=subprocess.DEVNULL, check=True)
    # Of the programs that one process becomes, valgrind's own before, the last.
    loaded = "".join(file.read_text() for file in folder.glob("files.*"))
    place = re.findall(re.escape(str(library)) + r" \[0\];  generating link map\n.*?base: 0x(\w+)\s+size: 0x(\w+)",
                       loaded, re.DOTALL)[-1]
    base, size = (int(number, 16) for number in place)
    with open(folder / "trace", encoding="ascii", errors="replace") as lines:
        run = (int(line[3:].split(",")[0], 16) - base for line in lines if line.startswith("I "))
        return [address for address in run if 0 <= address < size]


def order_of(functions: list[tuple[int, str]], addresses: list[int]) -> list[str]:
    begins = [begin for begin, _ in functions]
    runs = Counter(addresses)
    # From the second connection on.
    socket_begins = next(begin for begin, name in functions if name == "socket")
    start = [i for i, address in enumerate(addresses) if address == socket_begins][1]
    # Before all functions lies the linker's table of calls to other libraries.
    places = dict.fromkeys(bisect.bisect_right(begins, address) - 1 for address in addresses[start:]
                           if address >= begins[0])
    return [functions[place][1] for place in places if runs[begins[place]] >= LEAST_CALLS]


def section_of(name: str) -> str:
    # A constructor or destructor goes by two names, and its section by the other one.
    return "*(.text." + re.sub(r"([CD])[12](?=[EI])", r"\1[12]", name) + ")"


def main() -> None:
    build = pathlib.Path(sys.argv[1]).resolve()
    library = next(build.glob("lib/*/libsocksify.so"))
    functions = functions_of(library)
    names: dict[str, None] = {}
    with tempfile.TemporaryDirectory() as scratch, server(build, pathlib.Path(scratch)) as proxy:
        for program, source, arguments in (("connects", "bench/clients/connects.c", ["1", *DESTINATION]),
                                           ("many", "victims/many.c", ["epoll", "50", *DESTINATION])):
            folder = pathlib.Path(scratch) / program
            folder.mkdir()
            subprocess.run(["cc", "-O2", "-pthread", "-o", folder / program, ROOT / "tests" / source], check=True)
            environment = {"HOME": scratch, "SOCKSIFY_PROXY": f"socks5://{proxy}"}
            command = [folder / program, *arguments]
            names |= dict.fromkeys(order_of(functions, addresses_run(library, folder, environment, command)))
    # What the compiler takes for unlikely stays apart, however often it has run.
    sections = dict.fromkeys(section_of(name) for name in names if not name.endswith(".cold"))
    (ROOT / "preload" / "connection_order.ld").write_text(HEAD + "".join(f"    {section}\n" for section in sections))


main()
