# SPDX-License-Identifier: BSD-2-Clause
"""suites.py FOLDER direct|proxied [WORD...]: runs test suites without socksify and with it, from FOLDER, and compares
them test by test.

Started by suites.sh. A suite in which tests differ is run a second time, both ways; what differs in both rounds is
a difference, what differs in one of them is called unstable. Two suites run at a time.
"""

import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from collections.abc import Callable

DEADLINE_S = 900
PYTHON = "/usr/bin/python3.11"
PYTHON_TESTS = ("test_asyncio", "test_ssl", "test_signal", "test_socket", "test_subprocess", "test_selectors",
                "test_threading", "test_poll", "test_ftplib", "test_select", "test_epoll", "test_httplib",
                "test_smtplib", "test_socketserver", "test_asyncore", "test_os", "test_posix")
TWISTED_TESTS = ("test_tcp", "test_tcp_internals", "test_udp", "test_ssl", "test_unix", "test_iutils", "test_process",
                 "test_threads", "test_adbapi", "test_stdio", "test_policies", "test_ftp")

Outcomes = dict[str, str]  # What became of each test: passed, failed, skipped.


def of_regrtest(folder: pathlib.Path, _printed: str) -> Outcomes:
    """The report of `python3 -m test --junit-xml`."""
    outcomes = {}
    for test in xml.etree.ElementTree.parse(folder / "report.xml").getroot().iter("testcase"):
        tags = {child.tag for child in test}
        outcome = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
        outcomes[test.get("name")] = outcome
    return outcomes


def of_trial(_folder: pathlib.Path, printed: str) -> Outcomes:
    """The tree that `trial --reporter=verbose` prints: a module, its classes, their tests, each more indented."""
    outcomes, path = {}, {}
    for line in printed.splitlines():
        found = re.fullmatch(r"( *)(\S+) \.\.\. +\[(\w+)\]", line)
        if found:
            name = ".".join([path.get(0, ""), path.get(2, ""), found[2]])
            outcomes[name] = {"OK": "passed", "SKIPPED": "skipped", "TODO": "skipped"}.get(found[3], "failed")
        elif found := re.fullmatch(r"( {0,2})([\w.]+)", line):
            path[len(found[1])] = found[2]
    return outcomes


def of_unittest(_folder: pathlib.Path, printed: str) -> Outcomes:
    """What unittest prints when it is asked for names; a test may print, too, between its name and its outcome."""
    outcomes, name = {}, None
    for line in printed.splitlines():
        if found := re.match(r"(\w+ \([\w.]+\))", line):
            name = found[1]
        if name and (found := re.search(r"\.\.\. .*?(ok|FAIL|ERROR|expected failure|skipped .*)$|^(ok)$", line)):
            outcomes[name] = {"ok": "passed", "FAIL": "failed", "ERROR": "failed"}.get(found[1] or found[2], "skipped")
            name = None
    return outcomes


@dataclasses.dataclass(frozen=True)
class Way:
    """How to run a suite: under which launcher, if any, with which configuration, and whether beside danted."""

    launcher: tuple[str, ...]
    configuration: str = ""
    is_proxied: bool = False


WITHOUT = Way(())
DIRECT = "route { from: 0/0 to: 0/0 via: direct }\n"
# A version that carries no datagrams would refuse them, and hide what is to be seen.
PROXIED = """
autoroute: none
route { from: 0/0 to: 0/0 protocol: udp via: direct }
route { from: 0/0 to: 0/0 via: socks5://127.0.0.1:1080 }
"""
DANTED = """
logoutput: danted.log
internal: 127.0.0.1 port = 1080
external: lo
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: root
client pass { from: 0/0 to: 0/0 }
socks pass { from: 0/0 to: 0/0 }
"""
# A namespace of its own; the server becomes nobody's child, lest a test waits for it.
SURROUNDINGS = """
ip link set lo up || exit
if [ "$1" = True ]; then
  danted -D -f danted.conf -p danted.pid
  until [ -s danted.pid ] && ss -Hltn 'sport = 1080' | grep -q LISTEN; do sleep 0.1; done
fi
shift
exec "$@"
"""


@dataclasses.dataclass(frozen=True)
class Suite:
    name: str
    argv: tuple[str, ...]
    read: Callable[[pathlib.Path, str], Outcomes]


SUITES = [
    Suite("twisted.internet", ("trial3", "--reporter=verbose", "twisted.internet"), of_trial),
    # In a virtual machine the tests of AF_VSOCK wait for a peer for ever, or find the port in use.
    *[Suite(f"python3 {name}", (PYTHON, "-m", "test", "--junit-xml", "report.xml", "--ignore", "*VSOCK*",
                                *(("-u", "network") if name == "test_socketserver" else ()), name), of_regrtest)
      for name in PYTHON_TESTS],
    Suite("twisted.test", ("trial3", "--reporter=verbose", *[f"twisted.test.{name}" for name in TWISTED_TESTS]),
          of_trial),
    Suite("tornado", ("/usr/bin/python3", "-m", "tornado.test.runtests", "--verbose"), of_unittest),
]


def is_preloaded(way: Way) -> bool:
    maps = subprocess.run([*way.launcher, "cat", "/proc/self/maps"], stdout=subprocess.PIPE, text=True, check=False)
    return "libsocksify.so" in maps.stdout


def run(suite: Suite, way: Way) -> Outcomes:
    with tempfile.TemporaryDirectory(prefix="suites.") as name:
        folder = pathlib.Path(name)
        (folder / "socks.conf").write_text(way.configuration)
        (folder / "danted.conf").write_text(DANTED)
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": name, "TMPDIR": name, "LANG": "C.UTF-8",
                       "SOCKSIFY_STATE_DIR": f"{name}/state", "SOCKS_CONF": f"{name}/socks.conf"}
        argv = [*way.launcher, *suite.argv]
        if os.geteuid() == 0:
            argv = ["unshare", "--net", "sh", "-c", SURROUNDINGS, "sh", str(way.is_proxied), *argv]
        with open(folder / "printed", "w+", errors="replace") as printed:
            process = subprocess.Popen(argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=printed,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            try:
                status = process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                status = None
            if way.is_proxied:
                os.kill(int((folder / "danted.pid").read_text()), signal.SIGTERM)
            printed.seek(0)
            text = printed.read()
        try:
            outcomes = suite.read(folder, text)
        except (OSError, xml.etree.ElementTree.ParseError):
            outcomes = {}
        # A suite that dies has no outcomes; how it ends counts as a test of its own.
        return {**outcomes, "(the whole)": "passed" if status == 0 else "out of time" if status is None else "failed"}


def differences(without: Outcomes, with_it: Outcomes) -> set[tuple[str, str, str]]:
    return {(name, without.get(name, "missing"), with_it.get(name, "missing"))
            for name in without.keys() | with_it.keys() if without.get(name) != with_it.get(name)}


def compare(suite: Suite, way: Way) -> tuple[Outcomes, Outcomes, set, set]:
    """The outcomes without and with socksify, the differences, and those that did not show twice."""
    without, with_it = run(suite, WITHOUT), run(suite, way)
    first = differences(without, with_it)
    if not first:
        return without, with_it, set(), set()
    second = differences(run(suite, WITHOUT), run(suite, way))
    return without, with_it, first & second, first ^ second


def counts(outcomes: Outcomes) -> str:
    tests = collections.Counter(outcome for name, outcome in outcomes.items() if name != "(the whole)")
    return "/".join(str(tests[outcome]) for outcome in ("passed", "failed", "skipped"))


def main() -> int:
    launcher = (f"{sys.argv[1]}/socksify", "--")
    is_proxied = sys.argv[2] == "proxied"
    way = Way(launcher, PROXIED if is_proxied else DIRECT, is_proxied)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as configuration:
        configuration.write(way.configuration)
        configuration.flush()
        os.environ["SOCKS_CONF"] = configuration.name
        if not is_preloaded(way) or is_preloaded(WITHOUT):
            print("socksify does not reach the programs that it starts")
            return 1
    suites = [suite for suite in SUITES if all(word in suite.name for word in sys.argv[3:])]
    columns = "{:28} {:>16} {:>16} {:>12} {:>9}"
    print("passed/failed/skipped")
    print(columns.format("suite", "without", "with", "differences", "unstable"))
    details = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for suite, (without, with_it, stable, unstable) in zip(suites, pool.map(lambda one: compare(one, way), suites)):
            print(columns.format(suite.name, counts(without), counts(with_it), len(stable), len(unstable)), flush=True)
            if len(without) == 1:  # Only the whole: nothing was compared.
                stable = stable | {("any test", "missing", "missing")}
            details += [f"{suite.name}: {kind}: {name}: {before} without, {after} with"
                        for kind, found in (("differs", stable), ("unstable", unstable))
                        for name, before, after in sorted(found)]
    print("", *details, sep="\n")
    return 1 if any(": differs: " in line for line in details) else 0


sys.exit(main())
