# SPDX-License-Identifier: BSD-2-Clause
"""Programs that are connected to, by a peer behind danted, which listens for them (BIND)."""

import pathlib
import re
import subprocess
import sys

from case import SCRATCH, Case, Lab
from cases_calls import VIA_DANTED
from programs_events import BUILT, CLIENTS
from programs_ftp import BACK, BY_IP6_NAME, COMMANDS, FTP_CLIENTS, SENT, SIZES, contents
from report import check
from servers import DANTED, FTP_FROM_20_PORT, FTP_FROM_ANY_PORT
from topology import DESTINATION_IP, DESTINATION_IP6, WORK

FTP_SERVERS = {"ftp from port 20": FTP_FROM_20_PORT, "ftp from any port": FTP_FROM_ANY_PORT}
ACCEPTED = 50


def bound_through(danted_log: pathlib.Path, since: int) -> int:
    """How many peers have come to danted since its log was `since` bytes long."""
    text = danted_log.read_bytes()[since:].decode(errors="replace")
    return len(re.findall(r"\): tcp/bindreply \[", text))


def transfers_actively(client, host: str, port: int, is_ip6: bool):
    def run(lab: Lab) -> None:
        SENT.mkdir()
        BACK.mkdir()
        there = WORK / "ftp" / "in"
        for file in there.iterdir():
            file.unlink()
        for name in SIZES:
            (SENT / name).write_bytes(contents(name))
        log = lab.servers["danted"].log
        since = log.stat().st_size
        argv, stdin = client(host, port, is_ip6)
        result = lab.through(VIA_DANTED, argv, stdin=stdin)
        check(result.status == 0, f"exit status {result.status}, expected 0")
        for name in SIZES:
            for where, file in (("at the server", there / name), ("back", BACK / name)):
                check(file.exists(), f"the file {name} is not {where}")
                check(file.read_bytes() == contents(name), f"the file {name} is not whole {where}")
        found = bound_through(log, since)
        check(found == 2 * len(SIZES), f"expected {2 * len(SIZES)} peers at danted, found {found}")
    return run


def ftp_cases() -> list[Case]:
    result = []
    for name, client in FTP_CLIENTS.items():
        for server, port in FTP_SERVERS.items():
            for host, how in (("ftp.test", "by name"), (DESTINATION_IP, "by address"),
                              (DESTINATION_IP6, "by IPv6 address"), ("ftp.six.test", "by a name with IPv6 only")):
                if host.endswith("six.test") and name not in BY_IP6_NAME:
                    continue
                result.append(Case(f"inbound: {name} {how}, {server}", transfers_actively(client, host, port, "IPv6" in how),
                                   ("danted", server), COMMANDS[name], frozenset({DANTED})))
    return result


def accepts(server: list):
    """The server sees each peer as it is, though the proxy hands them over one by one."""
    def run(lab: Lab) -> None:
        told, log = SCRATCH / "told", SCRATCH / "peers"
        peer = lab.topology.destination.spawn([sys.executable, CLIENTS / "connect_many.py", ACCEPTED, told], log)
        result = lab.through(VIA_DANTED, [*server, ACCEPTED, told], deadline_s=10)
        try:
            peer.wait(5)
        except subprocess.TimeoutExpired:
            peer.kill()
        peers = log.read_text().splitlines()
        check(result.status == 0, f"exit status {result.status}, expected 0; the peers: {peers[-3:]}")
        expected = "".join(f"{each} {each}\n" for each in peers)
        check(result.output == expected, f"expected {expected!r}, found {result.output!r}")
        check(len(peers) == ACCEPTED, f"expected {ACCEPTED} peers to be served, found {len(peers)}")
    return run


def server_cases() -> list[Case]:
    c_server, python_server = BUILT / "accept_many", CLIENTS / "accept_many.py"
    return [
        *[Case(f"inbound: a server in C, {how}", accepts([c_server, how]), ("danted",), (str(c_server),),
               frozenset({DANTED})) for how in ("accept", "accept4", "poll", "epoll")],
        *[Case(f"inbound: a server in Python, {how}", accepts([sys.executable, python_server, how]), ("danted",), (),
               frozenset({DANTED})) for how in ("accept", "epoll", "asyncio")],
    ]


def cases() -> list[Case]:
    return ftp_cases() + server_cases()
