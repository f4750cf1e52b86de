# SPDX-License-Identifier: BSD-2-Clause
"""Connections: how fast they are made, one after the other or all at once, and what they carry."""

import functools
import time

from compare.cell import Row
from compare.peers import DIRECT, NATIVE, Peer, Proxy
from compare.world import BYTES_PORT, DANTED, DELAY_MS, ECHO_PORT, FAST, MICROSOCKS, PROGRAMS, SLOW, Problem, World
from topology import DESTINATION_IP

WAYS = ("select", "poll", "epoll", "epollet", "epollbefore")
PROBED = 8  # Connections that show whether they are made at once; more only if they are.
CONCURRENT_SECONDS = 5.0
SETTLING_SECONDS = 0.2
MIB = 1 << 20
STREAM_MIB = 64  # of all streams together


def connects(world: World, peer: Peer, *, proxy: Proxy = FAST) -> float:
    if proxy is not FAST and peer.name == DIRECT:
        raise Problem
    if proxy is not FAST and proxy not in world.running:
        raise Problem("no such server installed")
    return float(world.run(peer, [PROGRAMS / "connects", 4, DESTINATION_IP, BYTES_PORT], proxy=proxy))


def many(world: World, peer: Peer, way: str, count: int) -> float:
    """Milliseconds until all of `count` non-blocking connects are made. A program with SOCKS of its own always waits
    by epoll_wait(2)."""
    if peer.name == NATIVE:
        argv = [PROGRAMS / "concurrent_native", count, SLOW.port, DESTINATION_IP, ECHO_PORT, SLOW.host]
        text = world.output_of(world.topology.client, argv, CONCURRENT_SECONDS)
    else:
        # What it has seen decides, not its status; it gives up by itself only after a longer time.
        argv = ["sh", "-c", '"$@" || [ $? = 1 ]', "sh", PROGRAMS / "many", "-t", way, count, DESTINATION_IP, ECHO_PORT]
        text = world.run(peer, argv, proxy=SLOW, deadline_s=CONCURRENT_SECONDS)
    seen = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if value.isdigit():
            seen[name] = int(value)
    if "connected" not in seen:
        raise Problem(f"fails: {(text.splitlines() or ['ends early'])[-1][:40]}")
    for name, words in (("early", "says ready too early"), ("hanging", "some hang"), ("wrong", "wrong bytes")):
        if seen.get(name):
            raise Problem(f"fails: {words}")
    if seen["connected"] != count:
        raise Problem("fails: not all are connected")
    return seen["milliseconds"]


@functools.cache
def _problem_of_a_few(world: World, peer: Peer, way: str) -> str | None:
    """What is wrong even with a few connections. It is found once for all counts: blocking and hanging take long."""
    if not peer.is_preload or peer.problem is not None:
        return None
    try:
        took = many(world, peer, way, PROBED)
    except Problem as problem:
        return str(problem)
    return f"blocks: {PROBED} take {PROBED} delays" if took > (PROBED - 2) * DELAY_MS else None


def _refuse_what_fails(world: World, peer: Peer, way: str) -> None:
    problem = _problem_of_a_few(world, peer, way)
    if problem is not None:
        raise Problem(problem)


def concurrent(world: World, peer: Peer, *, way: str, count: int) -> float:
    _refuse_what_fails(world, peer, way)
    return many(world, peer, way, count)


def beside_one(world: World, peer: Peer, *, way: str, count: int) -> float:
    """How many times as long as one connection all of `count` take."""
    if peer.name == DIRECT:
        raise Problem  # One takes next to nothing.
    _refuse_what_fails(world, peer, way)
    # With a thousand connections that have just ended the proxy has work left to do, for which one would wait.
    time.sleep(SETTLING_SECONDS)
    alone = many(world, peer, way, 1)
    return many(world, peer, way, count) / alone


def stream(world: World, peer: Peer, *, streams: int, column: int) -> float:
    """What streams.c prints in that column: the throughput, or what it costs the client."""
    argv = [PROGRAMS / "streams", streams, STREAM_MIB * MIB // streams, 65536, DESTINATION_IP, BYTES_PORT]
    return float(world.run(peer, argv).split()[column])


ROWS = [
    Row("connects, blocking", "/s", connects, NATIVE, rounds=31),
    *(Row(f"connects, blocking, by {name}", "/s", functools.partial(connects, proxy=proxy), NATIVE, rounds=31)
      for name, proxy in (("danted", DANTED), ("microsocks", MICROSOCKS))),
    *(Row(f"{count} connects at once, {way}", "ms", functools.partial(concurrent, way=way, count=count), NATIVE,
          rounds=5) for count in (200, 1000) for way in WAYS),
    Row("1000 connects at once beside one, epoll", "times", functools.partial(beside_one, way="epoll", count=1000),
        NATIVE, rounds=5),
    *(Row(name, unit, functools.partial(stream, streams=streams, column=column), NATIVE, rounds=21)
      for name, unit, streams, column in (("throughput, 1 stream", "MiB/s", 1, 0),
                                          ("throughput, 16 streams", "MiB/s", 16, 0),
                                          ("processor time of the client, 1 stream", "ms/GiB", 1, 2))),
]
