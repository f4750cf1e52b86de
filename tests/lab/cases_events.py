# SPDX-License-Identifier: BSD-2-Clause
"""Event-driven programs by name through danted. How many connections the proxy counts shows what they did at once."""

import pathlib
import re

from case import SCRATCH, Case, Lab, expect_success
from cases_calls import VIA_DANTED
from clients_build import build_tokio
from programs import Program
from programs_events import HELD_PROGRAMS, LARGE_PROGRAMS, PROGRAMS, SLOW_PROGRAMS
from report import check
from servers import DANTED, HELD_HOST, SILENT
from topology import PROXY_IP

HELD_BY_ONE = f"""
    route {{ from: 0/0 to: {HELD_HOST} via: socks5://{PROXY_IP}:{SILENT} }}
    route {{ from: 0/0 to: 0/0 via: {VIA_DANTED} }}
"""


def connections_through(danted_log: pathlib.Path, since: int) -> int:
    """How many connections danted has been asked for since its log was `since` bytes long."""
    text = danted_log.read_bytes()[since:].decode(errors="replace")
    return len(re.findall(r"\): tcp/connect \[", text))


def reaches(what: Program, where: str = VIA_DANTED, deadline_s: float = 30):
    def run(lab: Lab) -> None:
        log = lab.servers["danted"].log
        since = log.stat().st_size
        expect_success(lab.through(where, what.argv(f"{what.server}.test", SCRATCH), stdin=what.stdin,
                                   deadline_s=deadline_s), what)
        found = connections_through(log, since)
        check(lab.is_direct or found >= what.connections,
              f"expected at least {what.connections} connections through danted, found {found}")
    return run


def cases_of(programs: list[Program], deadline_s: float = 30) -> list[Case]:
    return [Case(f"{what.name} through danted", reaches(what, VIA_DANTED, deadline_s), servers=("danted", what.server),
                 commands=what.needed_commands(), asked=frozenset({DANTED})) for what in programs]


def held_cases() -> list[Case]:
    return [Case(f"20 connections of {what.name} while another one is held up", reaches(what, HELD_BY_ONE),
                 servers=("danted", what.server), commands=what.needed_commands(), asked=frozenset({DANTED, SILENT}))
            for what in HELD_PROGRAMS]


def cases() -> list[Case]:
    return cases_of(PROGRAMS) + held_cases()


def large_cases() -> list[Case]:
    build_tokio()
    return cases_of(LARGE_PROGRAMS, deadline_s=60)


def slow_cases() -> list[Case]:
    return cases_of(SLOW_PROGRAMS, deadline_s=180)
