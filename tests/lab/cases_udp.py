# SPDX-License-Identifier: BSD-2-Clause
"""Datagrams by way of danted, which relays them, and of servers that do not: there nothing is sent."""

import sys

from case import SCRATCH, Case, Lab, expect_success
from cases_calls import VIA_DANTED, VIA_MICROSOCKS
from cases_names import HOST, check_leads_to_web, expect_output
from lookups import IP4, IP6, MAIL
from programs import Program
from programs_events import CLIENTS
from programs_udp import PROGRAMS, echo_udp
from report import check
from servers import (ALIAS, DANTED, ECHO_PORT, MICROSOCKS, NAME, NAME_SERVER, SERVICE, SERVICE_PORT, SSH_D, TEXT,
                     reverse_name)
from topology import DESTINATION_IP, DESTINATION_IP6, PROXY_IP

SOA = r"ns\.both\.test\. admin\.both\.test\. 1 2 3 4 5$"
# What dig asks for, and what it must find.
QUERIES = {
    ("A", NAME): f"^{IP4}$",
    ("AAAA", NAME): f"^{IP6}$",
    ("MX", NAME): rf"^10 {MAIL}\.$",
    ("TXT", NAME): f'^"{TEXT}"$',
    ("SRV", SERVICE): rf"^1 2 {SERVICE_PORT} {HOST}\.$",
    ("PTR", reverse_name(DESTINATION_IP)): rf"^{HOST}\.$",
    ("SOA", NAME): f"^{SOA}",
    ("NS", NAME): f"^{NAME_SERVER}\\.$",
    ("CNAME", ALIAS): rf"^{HOST}\.$",
    ("ANY", NAME): rf"^({IP4}|10 {MAIL}\.)$",  # Any of them will do (RFC 8482).
}
LARGE_SIZES = (1472, 1473, 9000, 30000)
LARGE_DATAGRAMS = f"""
import socket, sys
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.settimeout(5)
for size in {LARGE_SIZES}:
    payload = bytes(number % 251 for number in range(size))
    datagrams.sendto(payload, (sys.argv[1], 7))
    answer, source = datagrams.recvfrom(65536)
    assert answer == payload and source == (sys.argv[1], 7), (size, len(answer), source)
print("whole")
"""


def reaches(what: Program, host: str):
    def run(lab: Lab) -> None:
        expect_success(lab.through(VIA_DANTED, what.argv(host, SCRATCH), stdin=what.stdin, deadline_s=15), what)
    return run


def case_through_danted(what: Program, host: str, how: str) -> Case:
    return Case(f"udp: {what.name} {how}", reaches(what, host), ("danted", what.server), what.needed_commands(),
                frozenset({DANTED}))


def digs(kind: str, name: str, answer: str):
    """Addresses may be stand-ins that lead to the name. Everything else is what the name server has said by UDP."""
    def run(lab: Lab) -> None:
        dig = ["dig", f"@{DESTINATION_IP}", "+notcp", "+ignore", "+short", "+tries=1", "+time=4", kind, name]
        found = expect_output(lab.through(VIA_DANTED, dig), 0, answer).groupdict()
        if found.get("address"):
            check_leads_to_web(lab, found["address"])
    return run


def does_not_reach(url: str):
    """The proxy has no relay: the program is told so, soon, and is not left to wait for an answer."""
    def run(lab: Lab) -> None:
        result = lab.through(url, echo_udp("sendto").argv(DESTINATION_IP, SCRATCH), deadline_s=4)
        check(result.status == 1, f"exit status {result.status}, expected 1")
    return run


def relays(host: str, expected_host: str, size: int = 5):
    """Without socksify: danted itself can do it."""
    def run(lab: Lab) -> None:
        found = lab.on_client([sys.executable, CLIENTS / "associate.py", PROXY_IP, DANTED, host, ECHO_PORT, size])
        expected = f"{expected_host} {ECHO_PORT} {size}\n"
        check(found.output == expected, f"expected {expected!r}, found {found.output!r}")
    return run


def leaks_to_relay_port(lab: Lab) -> None:
    """A datagram without the relay's header is none of ours, whatever port it goes to."""
    lab.on_client(["bash", "-c", 'echo "no header" >"/dev/udp/$1/$2"', "bash", PROXY_IP, 40000])
    traffic = lab.leaks.read()
    check(traffic.strays == [f"{PROXY_IP} udp 40000"], f"the packet was not counted: {traffic}")


def sends_large(lab: Lab) -> None:
    result = lab.through(VIA_DANTED, [sys.executable, "-c", LARGE_DATAGRAMS, DESTINATION_IP])
    check(result.output == "whole\n", f"expected 'whole', found {result.output!r}")


def direct_cases() -> list[Case]:
    """What runs on the proxy's host without socksify, too."""
    result = []
    for what in PROGRAMS:
        result.append(case_through_danted(what, f"{what.server}.test", "by name"))
        result.append(case_through_danted(what, DESTINATION_IP, "by address"))
    result.append(case_through_danted(echo_udp("sendto"), DESTINATION_IP6, "by IPv6 address"))
    result.append(case_through_danted(echo_udp("send"), "echo.six.test", "by a name with IPv6 only"))
    result.append(Case("udp: datagrams that are cut into packets", sends_large, ("danted", "echo"), (),
                       frozenset({DANTED})))
    for (kind, name), answer in QUERIES.items():
        result.append(Case(f"udp: dig +notcp {kind}", digs(kind, name, answer), ("dns", "danted", "web"),
                           ("dig", "curl")))
    return result


def cases() -> list[Case]:
    servers = ("danted", "echo")
    return [
        Case("udp self-check: danted relays to an address", relays(DESTINATION_IP, DESTINATION_IP), servers, (),
             frozenset({DANTED})),
        Case("udp self-check: danted relays to a name", relays("echo.test", DESTINATION_IP), servers, (),
             frozenset({DANTED})),
        Case("udp self-check: danted relays to an IPv6 address", relays(DESTINATION_IP6, DESTINATION_IP6), servers, (),
             frozenset({DANTED})),
        *[Case(f"udp self-check: danted relays {size} bytes", relays(DESTINATION_IP, DESTINATION_IP, size), servers, (),
               frozenset({DANTED})) for size in LARGE_SIZES],
        Case("udp self-check: a datagram to the relay's port without its header is counted", leaks_to_relay_port,
             leaks=True),
        *direct_cases(),
        Case("udp: microsocks has no relay", does_not_reach(VIA_MICROSOCKS), ("microsocks", "echo"), (),
             frozenset({MICROSOCKS})),
        Case("udp: ssh -D has no relay", does_not_reach(f"socks5://{PROXY_IP}:{SSH_D}"), ("ssh -D", "echo"), (),
             frozenset({SSH_D})),
    ]
