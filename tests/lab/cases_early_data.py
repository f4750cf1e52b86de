# SPDX-License-Identifier: BSD-2-Clause
"""Programs whose first bytes go to the proxy before it has replied (`early-data: yes`)."""

import sys

from case import SCRATCH, Case, Lab, expect_success
from cases_round_trips import captured, packets, slow_way
from programs import PROGRAMS, Program
from programs_events import PROGRAMS as EVENT_PROGRAMS
from report import check
from servers import DANTED, ECHO_PORT, SSH_D
from topology import DESTINATION_IP, PROXY_IP

PORTS = {"danted": DANTED, "ssh -D": SSH_D}
# Programs that are to find out in connect() already that the destination refuses, or that count on it.
TELLS_REFUSAL = "refused"

LAST_WORDS = b"last words"
# Sends and goes, before the reply can be there.
LEAVING = f"""
import os, select, socket
connection = socket.socket()
%s
connection.sendall({LAST_WORDS!r})
%s
"""
BLOCKING = f'connection.connect(("{DESTINATION_IP}", {ECHO_PORT}))'
NONBLOCKING = f"""
connection.setblocking(False)
connection.connect_ex(("{DESTINATION_IP}", {ECHO_PORT}))
select.select([], [connection], [])
"""
WAYS = {"close": (BLOCKING, "connection.close()"),
        "shutdown": (BLOCKING, "connection.shutdown(socket.SHUT_WR)"),
        "exit": (BLOCKING, "import sys; connection.detach(); sys.exit(0)"),
        "close, non-blocking": (NONBLOCKING, "connection.close()"),
        "_exit": (BLOCKING, "os._exit(0)")}
# Where nobody waits for the reply: what ssh -D has when it sees the end of the stream that early it drops.
NOBODY_WAITS = ("close, non-blocking", "_exit")


def early(server: str) -> str:
    return f"""
        server proxy {{ address: {PROXY_IP} port = {PORTS[server]}  handshake: pipelined  early-data: yes }}
        route {{ from: 0/0 to: 0/0 via: proxy }}
    """


def reaches(what: Program, server: str):
    def run(lab: Lab) -> None:
        result = lab.through(early(server), what.argv(f"{what.server}.test", SCRATCH), stdin=what.stdin)
        expect_success(result, what)
    return run


def leaves(server: str, way: str):
    def run(lab: Lab) -> None:
        capture = SCRATCH / "destination.pcap"
        connect, leave = WAYS[way]
        with slow_way(lab), captured(lab.topology.destination, "to-proxy", ECHO_PORT, capture):
            result = lab.through(early(server), [sys.executable, "-c", LEAVING % (connect, leave)])
            check(result.status == 0, f"exit status {result.status}")
            lab.on_client(["sleep", "0.5"])
        check(any(LAST_WORDS in packet.payload for packet in packets(capture)), "the last words are lost")
    return run


def cases() -> list[Case]:
    result = []
    for server, port in PORTS.items():
        for what in [*PROGRAMS, *(what for what in EVENT_PROGRAMS if TELLS_REFUSAL not in what.name)]:
            result.append(Case(f"early data of {what.name} through {server}", reaches(what, server),
                               (server, what.server), what.needed_commands(), frozenset({port})))
        for way in (way for way in WAYS if server == "danted" or way not in NOBODY_WAITS):
            result.append(Case(f"early data before {way} through {server}", leaves(server, way), (server, "echo"),
                               ("tcpdump",), frozenset({port})))
    return result
