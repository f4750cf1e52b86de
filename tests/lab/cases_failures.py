# SPDX-License-Identifier: BSD-2-Clause
"""Servers and destinations that are dead: which path is tried, and which errno the program sees."""

from case import SCRATCH, Case, Lab, expect_success
from programs import program
from report import check
from servers import CLOSED_PORT, DANTED, DEAD, MICROSOCKS, SILENT
from topology import DESTINATION_IP, PROXY_IP

# One blocking connect, and what it gave.
CONNECT = """
import errno, socket, sys
connection = socket.socket()
error = connection.connect_ex((sys.argv[1], int(sys.argv[2])))
print(errno.errorcode.get(error, error))
"""
PYTHON = program("python3 urllib").words[0]


def configuration(*ports: int) -> str:
    path = ", ".join(f"socks5://{PROXY_IP}:{port}" for port in ports)
    return f"timeout.connect: 1\nroute {{ from: 0/0 to: 0/0 via: {path} }}\n"


def connect_gives(ports: tuple, destination_port: int, expected: str):
    def run(lab: Lab) -> None:
        result = lab.through(configuration(*ports), [PYTHON, "-c", CONNECT, DESTINATION_IP, destination_port])
        check(result.output == f"{expected}\n", f"expected connect() to give {expected}, found {result.output!r}")
    return run


def curl_reaches(*ports: int):
    def run(lab: Lab) -> None:
        curl = program("curl")
        expect_success(lab.through(configuration(*ports), curl.argv("web.test", SCRATCH)), curl)
    return run


def cases() -> list[Case]:
    result = []
    for how, dead, errno in (("refuses", DEAD, "ECONNREFUSED"), ("is silent", SILENT, "ETIMEDOUT")):
        both = frozenset({dead, MICROSOCKS})
        result += [
            Case(f"the first server {how}, the second works: one connect()",
                 connect_gives((dead, MICROSOCKS), 80, "0"), ("microsocks", "web"), (), both),
            Case(f"the first server {how}, the second works: curl", curl_reaches(dead, MICROSOCKS),
                 ("microsocks", "web"), ("curl",), both),
            Case(f"the only server {how}: {errno}", connect_gives((dead,), 80, errno), (), (), frozenset({dead})),
        ]
    result += [
        Case("both servers are dead, the last one refuses: ECONNREFUSED",
             connect_gives((SILENT, DEAD), 80, "ECONNREFUSED"), (), (), frozenset({SILENT, DEAD})),
        Case("both servers are dead, the last one is silent: ETIMEDOUT",
             connect_gives((DEAD, SILENT), 80, "ETIMEDOUT"), (), (), frozenset({SILENT, DEAD})),
    ]
    for first, name, second in ((DANTED, "danted", MICROSOCKS), (MICROSOCKS, "microsocks", DANTED)):
        result.append(Case(f"the destination refuses {name}: ECONNREFUSED, no other server is asked",
                           connect_gives((first, second), CLOSED_PORT, "ECONNREFUSED"), ("danted", "microsocks"), (),
                           frozenset({first})))
    return result
