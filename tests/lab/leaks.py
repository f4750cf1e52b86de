# SPDX-License-Identifier: BSD-2-Clause
"""Counts, in the client's own output hook, every packet that goes anywhere but to the proxies' ports.

A datagram may go to the ports of danted's relay, where it has the header of one (RFC 1928, section 7)."""

import dataclasses
import json

from servers import RELAY_PORTS
from topology import PROXY_IP, PROXY_IP6, Host

# A stray packet is counted and refused at once, so that a leak is fast to fail. Neighbour discovery is how the
# client finds the proxy. What a relay still sends to a socket that is closed is answered by the kernel. A DNS query
# counts on the loopback interface too.
RULES = """
table inet lab {{
  counter stray {{ }}
  counter dns {{ }}
  set asked {{ type inet_service; flags dynamic; }}
  set stray4 {{ type ipv4_addr . inet_proto . inet_service; flags dynamic; }}
  set stray6 {{ type ipv6_addr . inet_proto . inet_service; flags dynamic; }}
  chain proxies {{
    tcp flags & (syn | ack) == syn update @asked {{ tcp dport }}
    accept
  }}
  chain output {{
    type filter hook output priority 0; policy accept;
    meta l4proto {{ tcp, udp }} th dport {{ 53, 853, 5353, 5355 }} counter name dns
    oifname "lo" accept
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report }} accept
    ip daddr {ip} tcp dport {{ {ports} }} jump proxies
    ip6 daddr {ip6} tcp dport {{ {ports} }} jump proxies
    ip daddr {ip} udp dport {relay_ports} @th,64,24 0 accept
    ip daddr {ip} icmp type destination-unreachable accept
    counter name stray
    meta l4proto {{ tcp, udp }} update @stray4 {{ ip daddr . meta l4proto . th dport }}
    meta l4proto {{ tcp, udp }} update @stray6 {{ ip6 daddr . meta l4proto . th dport }}
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}
}}
"""


@dataclasses.dataclass
class Traffic:
    """What left the client: stray packets, DNS queries, the strays' destinations, the proxy ports connected to."""

    stray: int
    dns: int
    strays: list[str]
    asked: set[int]

    def is_clean(self) -> bool:
        return self.stray == 0 and self.dns == 0

    def __str__(self) -> str:
        ports = " ".join(str(port) for port in sorted(self.asked)) or "none"
        where = f" ({', '.join(self.strays)})" if self.strays else ""
        return f"proxy ports asked: {ports}; stray packets: {self.stray}{where}; DNS queries: {self.dns}"


class LeakCounter:
    def __init__(self, client: Host, proxy_ports: list[int]):
        self._client = client
        ports = ", ".join(str(port) for port in proxy_ports)
        client.must("nft -f -", stdin=RULES.format(ip=PROXY_IP, ip6=PROXY_IP6, ports=ports,
                                                   relay_ports=f"{RELAY_PORTS[0]}-{RELAY_PORTS[-1]}"))

    def reset(self) -> None:
        self._client.must("nft -f -", stdin="".join(
            ["reset counters table inet lab\n"]
            + [f"flush set inet lab {name}\n" for name in ("asked", "stray4", "stray6")]))

    def read(self) -> Traffic:
        listing = json.loads(self._client.must("nft -j list table inet lab"))["nftables"]
        counters = {entry["counter"]["name"]: entry["counter"]["packets"] for entry in listing if "counter" in entry}
        sets = {entry["set"]["name"]: entry["set"].get("elem", []) for entry in listing if "set" in entry}
        strays = [" ".join(str(part) for part in element["concat"]) for element in sets["stray4"] + sets["stray6"]]
        return Traffic(counters["stray"], counters["dns"], strays, set(sets["asked"]))
