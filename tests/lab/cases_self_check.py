# SPDX-License-Identifier: BSD-2-Clause
"""Proof that the lab can tell: leaks are counted, and names and hosts are out of the client's own reach."""

from case import Case, Lab
from report import check
from servers import NAME
from topology import DESTINATION_IP, DESTINATION_IP6

DIG = ["dig", "+short", "+tries=1", "+time=1", NAME]
SERVER_UDP = f"{DESTINATION_IP} udp 53"
CONNECT = 'exec 3<>"/dev/tcp/$1/80"'


def direct_connection(address: str):
    def run(lab: Lab) -> None:
        result = lab.on_client(["bash", "-c", CONNECT, "bash", address])
        traffic = lab.leaks.read()
        check(result.status == 1, f"a direct connection came through: {result.status}")
        check(traffic.stray >= 1, f"the packet was not counted: {traffic}")
        check(f"{address} tcp 80" in traffic.strays, f"the packet's destination was not noted: {traffic}")
    return run


def leaks_to(argv: list, destination: str, counter: str):
    """A packet that leaves, or a query that does not even, is counted by the counter that is named."""
    def run(lab: Lab) -> None:
        result = lab.on_client(argv)
        traffic = lab.leaks.read()
        check(result.status != 0, "the client got an answer by itself")
        check(getattr(traffic, counter) >= 1, f"the packet was not counted: {traffic}")
        check(not destination or destination in traffic.strays, f"the packet's destination was not noted: {traffic}")
    return run


def proxy_reaches(lab: Lab) -> None:
    result = lab.topology.proxy.run(["bash", "-c", CONNECT, "bash", "web.test"])
    lab.results.append(result)
    check(result.status == 0, f"the proxy host does not reach web.test: {result.status}")


def cases() -> list[Case]:
    return [
        Case("self-check: a direct connection is counted", direct_connection(DESTINATION_IP), leaks=True),
        Case("self-check: a direct IPv6 connection is counted", direct_connection(DESTINATION_IP6), leaks=True),
        Case("self-check: libc's DNS query is counted", leaks_to(["getent", "ahosts", NAME], SERVER_UDP, "dns"),
             leaks=True),
        Case("self-check: a DNS query by UDP is counted", leaks_to([*DIG, "+notcp"], SERVER_UDP, "dns"), (), ("dig",),
             leaks=True),
        Case("self-check: a DNS query by TCP is counted", leaks_to([*DIG, "+tcp"], f"{DESTINATION_IP} tcp 53", "dns"),
             (), ("dig",), leaks=True),
        Case("self-check: a DNS query on the loopback interface is counted",
             leaks_to([*DIG, "@127.0.0.1"], "", "dns"), (), ("dig",), leaks=True),
        Case("self-check: an echo request is counted", leaks_to(["ping", "-c1", "-W1", DESTINATION_IP], "", "stray"),
             (), ("ping",), leaks=True),
        Case("self-check: the proxy host resolves and reaches", proxy_reaches, ("dns", "web")),
    ]
