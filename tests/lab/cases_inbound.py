# SPDX-License-Identifier: BSD-2-Clause
"""Programs that are connected to, by a peer behind danted, which listens for them (BIND)."""

import pathlib
import re

from case import Case, Lab
from cases_calls import VIA_DANTED
from programs_ftp import BACK, BY_IP6_NAME, CLIENTS, COMMANDS, SENT, SIZES, contents
from report import check
from servers import DANTED, FTP_FROM_20_PORT, FTP_FROM_ANY_PORT
from topology import DESTINATION_IP, DESTINATION_IP6, WORK

FTP_SERVERS = {"ftp from port 20": FTP_FROM_20_PORT, "ftp from any port": FTP_FROM_ANY_PORT}


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
    for name, client in CLIENTS.items():
        for server, port in FTP_SERVERS.items():
            for host, how in (("ftp.test", "by name"), (DESTINATION_IP, "by address"),
                              (DESTINATION_IP6, "by IPv6 address"), ("ftp.six.test", "by a name with IPv6 only")):
                if host.endswith("six.test") and name not in BY_IP6_NAME:
                    continue
                result.append(Case(f"inbound: {name} {how}, {server}", transfers_actively(client, host, port, "IPv6" in how),
                                   ("danted", server), COMMANDS[name], frozenset({DANTED})))
    return result


def cases() -> list[Case]:
    return ftp_cases()
