# SPDX-License-Identifier: BSD-2-Clause
"""A case, and the laboratory it runs in: the hosts, the servers, the leak counter, and ways to run programs."""

import dataclasses
import pathlib
import re
import shutil
from collections.abc import Callable

from leaks import LeakCounter
from programs import Program
from report import check
from servers import PROXY_PORTS, Servers
from topology import WORK, Result, Topology

SOCKSIFY_LOG = WORK / "socksify.log"
SCRATCH = WORK / "scratch"


class Lab:
    def __init__(self, build: pathlib.Path, is_direct: bool = False):
        """`is_direct`: programs run on the proxy's host without socksify, and nothing is said about leaks."""
        self.is_direct = is_direct
        self.socksify = build / "bin" / "socksify"
        self.library = next(build.glob("lib/**/libsocksify.so"))
        self.topology = Topology()
        self.servers = Servers(self.topology)
        self.leaks = LeakCounter(self.topology.client, PROXY_PORTS)
        clients = build / "lab-clients"  # As CMakeLists.txt has it.
        clients.mkdir(exist_ok=True)
        (WORK / "clients").symlink_to(clients)
        self.results: list[Result] = []

    def begin(self) -> None:
        """Makes everything as if no case had run before."""
        self.results = []
        SOCKSIFY_LOG.unlink(missing_ok=True)
        shutil.rmtree(SCRATCH, ignore_errors=True)
        shutil.rmtree(WORK / "state", ignore_errors=True)
        SCRATCH.mkdir()
        self.leaks.reset()

    def on_client(self, argv: list, **options) -> Result:
        result = self.topology.client.run(argv, **options)
        self.results.append(result)
        return result

    def through(self, where: str, argv: list, **options) -> Result:
        """Runs a program under socksify; `where` is a proxy's URL, or a configuration."""
        if self.is_direct:
            result = self.topology.proxy.run(argv, **options)
            self.results.append(result)
            return result
        if where.startswith("socks"):
            return self.on_client([self.socksify, "--log", SOCKSIFY_LOG, "-p", where, "--", *argv], **options)
        return self.on_client([self.socksify, "--log", SOCKSIFY_LOG, "-f", self.configure(where), "--", *argv],
                              **options)

    def preloaded(self, configuration: str, argv: list, **options) -> Result:
        """Runs a program with nothing but the two variables that `export` would set in a shell."""
        exported = {"LD_PRELOAD": str(self.library), "SOCKS_CONF": str(self.configure(configuration)),
                    "SOCKSIFY_LOG": str(SOCKSIFY_LOG)}
        return self.on_client(argv, extra_env=exported, **options)

    @staticmethod
    def configure(text: str) -> pathlib.Path:
        file = SCRATCH / "socks.conf"
        file.write_text(text)
        return file

    def evidence(self) -> list[str]:
        lines = SOCKSIFY_LOG.read_text(errors="replace").splitlines() if SOCKSIFY_LOG.exists() else []
        return [str(result) for result in self.results] + ["socksify's log:"] + [f"  {line}" for line in lines[-10:]]


@dataclasses.dataclass
class Case:
    """One thing that must hold. Besides what `run` checks, the client must not have leaked a packet.

    `run` raises Failed, and returns nothing or a note for the case's line.
    """

    name: str
    run: Callable[[Lab], str | None]
    servers: tuple[str, ...] = ()
    commands: tuple = ()
    asked: frozenset | None = None  # The proxy ports that the client must have connected to, and no others.
    leaks: bool = False             # The case leaks on purpose, and looks at the counters itself.


def expect_success(result: Result, program: Program) -> None:
    """The program ended well and has what only its server could have given it."""
    got = (SCRATCH / program.artifact) if program.artifact else None
    output = result.output if got is None else (got.read_text() if got.exists() else "")
    output = "".join(line for line in output.splitlines(True) if re.search(program.keep, line))
    check(result.status == 0, f"exit status {result.status}, expected 0")
    check(output == program.output, f"expected the output {program.output!r}, found {output!r}")
