# SPDX-License-Identifier: BSD-2-Clause
"""What a connection costs in the kernel and on the wire, counted: it is the same on a busy machine."""

import dataclasses
import functools

from compare.cell import Row
from compare.peers import DIRECT, NATIVE, Peer, Proxy
from compare.wire import Capture, round_trips
from compare.world import BYTES_PORT, ECHO_NAME, ECHO_PORT, FAST, PROGRAMS, SLOW_ANSWERS, Problem, World
from topology import DESTINATION_IP, WORK

FIRST_BYTES = b"first bytes\n"  # What greets.c sends.
OURS = "socksify"


def _system_calls(world: World, peer: Peer, argv: list, proxy: Proxy = FAST) -> tuple[int, str]:
    """How many a program makes and its threads, and what it prints."""
    count = WORK / "strace"
    text = world.run(peer, argv, proxy=proxy, before=("strace", "-f", "-c", "-o", count), deadline_s=20)
    total = next(line.split() for line in count.read_text().splitlines() if line.endswith(" total"))
    return int(total[3]), text


def calls_per_connect(world: World, peer: Peer, *, proxy: Proxy = FAST) -> float:
    """The system calls that 100 connections more make, from socket(2) to close(2), whatever a start costs."""
    if peer.name == OURS and not _is_understood(world, peer, proxy):
        raise Problem
    # The very first run makes files for those that come after it.
    _, few, many = (_system_calls(world, peer, [PROGRAMS / "connects", batches, DESTINATION_IP, BYTES_PORT], proxy)[0]
                    for batches in (1, 1, 3))
    return (many - few) / 100


def calls_per_read(world: World, peer: Peer) -> float:
    """Likewise of thousands of reads more."""
    calls, reads = [], []
    for size in (1 << 15, 1 << 18):
        made, text = _system_calls(world, peer, [PROGRAMS / "streams", 1, size, 64, DESTINATION_IP, BYTES_PORT])
        calls.append(made)
        reads.append(int(text.split()[1]))
    return (calls[1] - calls[0]) / (reads[1] - reads[0])


def trips(world: World, peer: Peer, *, proxy: Proxy, columns: tuple[str, ...] = (),
          host: str = DESTINATION_IP) -> float:
    """Of the network, between the first packet and the one with the program's first byte. Only `columns` know such a
    handshake, or all if there are none. The proxy is slow to answer: whoever does not wait for it is seen not to."""
    if columns and peer.name not in columns:
        raise Problem
    if peer.name == OURS and not _is_understood(world, peer, proxy):
        raise Problem
    with Capture(world.topology.proxy if peer.name == DIRECT else world.topology.client) as capture:
        world.run(peer, [PROGRAMS / "greets", host, ECHO_PORT], proxy=proxy)
        found = round_trips(capture.segments(), FIRST_BYTES)
    if found is None:
        raise Problem("fails: nothing on the wire")
    return found


def _is_understood(world: World, peer: Peer, proxy: Proxy) -> bool:
    """Whether this build has the options that the row wants."""
    result = world.topology.client.run(["env", *peer.variables(proxy), world.build / "bin" / "socksctl", "check"])
    return result.status == 0


def _proxy(**changes: str) -> Proxy:
    return dataclasses.replace(SLOW_ANSWERS, **changes)


IN_ONE_FLIGHT = dataclasses.replace(FAST, options="handshake: pipelined")


ROWS = [
    Row("system calls for each connect", "count", calls_per_connect, NATIVE, is_difference=True, rounds=1),
    # All but one ask as they always do.
    Row("system calls for each connect, pipelined by who can", "count",
        functools.partial(calls_per_connect, proxy=IN_ONE_FLIGHT), NATIVE, is_difference=True, rounds=1),
    Row("system calls for each read", "count", calls_per_read, NATIVE, is_difference=True, rounds=1),
    *(Row(f"round trips before the first byte, {handshake}", "count", functools.partial(trips, **how), None, rounds=1)
      for handshake, how in {
          "SOCKS 5": {"proxy": _proxy(options="handshake: strict")},
          "SOCKS 5 pipelined": {"proxy": _proxy(options="handshake: pipelined"), "columns": (OURS,)},
          "SOCKS 5 with early data": {"proxy": _proxy(options="handshake: pipelined early-data: yes"),
                                      "columns": (OURS,)},
          "SOCKS 4A": {"proxy": _proxy(protocol="socks4a"), "host": ECHO_NAME,
                       "columns": (OURS, "Dante", "proxychains-ng", "tsocks")},
      }.items()),
]
