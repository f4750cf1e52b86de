# SPDX-License-Identifier: BSD-2-Clause
"""Datagrams, names and routes."""

import functools
import json

from compare.cell import Row
from compare.peers import DIRECT, NATIVE, Peer
from compare.world import PROGRAMS, Problem, World


def datagrams(world: World, peer: Peer, *, call: str) -> float:
    """Datagrams of 64 bytes per second. Only the relay knows the destination: to be direct is to mean the relay."""
    how = {DIRECT: "direct", NATIVE: "hand"}.get(peer.name, "plain")
    argv = [PROGRAMS / "udp_rate", how, call, 64, 32000, world.relay_memory]
    if how == "plain":
        text = world.run(peer, argv, proxy=world.relay())
    else:
        text = world.output_of(world.topology.client, argv)
    return 1e9 / float(text)


def lookups(world: World, peer: Peer, *, kind: str, count: int) -> float:
    if peer.name == NATIVE:
        raise Problem  # It tells the proxy the name.
    return float(world.run(peer, [PROGRAMS / "lookups", kind, count]))


def decisions(world: World, peer: Peer, *, routes: int) -> float:
    if peer.name != "socksify":
        raise Problem
    text = world.output_of(world.topology.client, [
        world.build / "bin" / "route_bench", f"--benchmark_filter=^Hit<Kind::kName>/{routes}$",
        "--benchmark_format=json", "--benchmark_min_time=0.2"], 20)
    return 1e9 / json.loads(text)["benchmarks"][0]["cpu_time"]


ROWS = [
    *(Row(f"datagrams, {call}", "/s", functools.partial(datagrams, call=call), NATIVE)
      for call in ("sendto", "send", "recvfrom")),
    *(Row(f"look-ups, {words}", "/s", functools.partial(lookups, kind=kind, count=count), DIRECT)
      for words, kind, count in (("of one name", "known", 2000), ("of 200 names", "new", 200),
                                 ("of 10,000 names", "new", 10000))),
    *(Row(f"route decisions, {routes:,} routes", "/s", functools.partial(decisions, routes=routes), None, rounds=rounds)
      for routes, rounds in ((10, 3), (100_000, 2))),
]
