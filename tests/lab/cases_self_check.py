# SPDX-License-Identifier: BSD-2-Clause
"""Proof that the lab can tell: leaks are counted, and names and hosts are out of the client's own reach."""

from case import Case, Lab
from report import check
from topology import DESTINATION_IP, DESTINATION_IP6

CONNECT = 'exec 3<>"/dev/tcp/$1/80"'


def direct_connection(address: str):
    def run(lab: Lab) -> None:
        result = lab.on_client(["bash", "-c", CONNECT, "bash", address])
        traffic = lab.leaks.read()
        check(result.status == 1, f"a direct connection came through: {result.status}")
        check(traffic.stray >= 1, f"the packet was not counted: {traffic}")
        check(f"{address} tcp 80" in traffic.strays, f"the packet's destination was not noted: {traffic}")
    return run


def dns_query(lab: Lab) -> None:
    result = lab.on_client(["getent", "ahosts", "web.test"])
    traffic = lab.leaks.read()
    check(result.status == 2, f"the client itself resolves the name: {result.status}")
    check(traffic.dns >= 1, f"the query was not counted: {traffic}")


def proxy_reaches(lab: Lab) -> None:
    result = lab.topology.proxy.run(["bash", "-c", CONNECT, "bash", "web.test"])
    lab.results.append(result)
    check(result.status == 0, f"the proxy host does not reach web.test: {result.status}")


def cases() -> list[Case]:
    return [
        Case("self-check: a direct connection is counted", direct_connection(DESTINATION_IP), leaks=True),
        Case("self-check: a direct IPv6 connection is counted", direct_connection(DESTINATION_IP6), leaks=True),
        Case("self-check: a DNS query is counted", dns_query, leaks=True),
        Case("self-check: the proxy host resolves and reaches", proxy_reaches, ("dns", "web")),
    ]
