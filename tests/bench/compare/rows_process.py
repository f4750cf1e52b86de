# SPDX-License-Identifier: BSD-2-Clause
"""What a process pays that opens no connection, or one: its start, its memory, its other calls."""

import re
import statistics

from compare.cell import Row
from compare.peers import DIRECT, NATIVE, Peer, Proxy
from compare.world import BYTES_PORT, PROGRAMS, Problem, World
from topology import DESTINATION_IP, WORK

TRUE, ENV = "/usr/bin/true", "/usr/bin/env"
NOBODY = Proxy("127.0.0.1", 1)  # A proxy that is not contacted.
HOOKED_CALLS = 11               # The kinds of calls that hooks.c makes,
COUNTED = HOOKED_CALLS * 500    # and how many it makes in a round when instructions are counted.


def _only_preloads(peer: Peer) -> None:
    if peer.name == NATIVE:
        raise Problem


def starts(world: World, peer: Peer, variables: list[str], argv: tuple) -> float:
    return float(world.output_of(world.topology.client, [PROGRAMS / "starts", 20, *variables, *argv]))


def start_by_preload(world: World, peer: Peer) -> float:
    _only_preloads(peer)
    return starts(world, peer, peer.preload(NOBODY) if peer.is_preload else [], (TRUE,))


def start_by_launcher(world: World, peer: Peer) -> float:
    """Beside env(1), which starts a program by one exec more, too, and does nothing else."""
    _only_preloads(peer)
    return starts(world, peer, peer.variables(NOBODY), (*(peer.launcher if peer.is_preload else (ENV,)), TRUE))


def instructions(world: World, peer: Peer, proxy: Proxy, argv: list) -> int:
    """All that the program executes itself, the dynamic linker's work included, as valgrind counts it."""
    for old in WORK.glob("callgrind.*"):
        old.unlink()
    assignments = peer.preload(proxy) if peer.is_preload else []
    world.output_of(world.topology.client, ["env", *assignments, "valgrind", "--tool=callgrind",
                                            f"--callgrind-out-file={WORK}/callgrind.%p", *argv], 30)
    counts = [int(found[1]) for file in WORK.glob("callgrind.*")
              if (found := re.search(r"^(?:summary|totals): (\d+)", file.read_text(), re.MULTILINE))]
    if not counts:
        raise Problem("fails: nothing counted")
    return max(counts)


def start_instructions(world: World, peer: Peer) -> float:
    _only_preloads(peer)
    return instructions(world, peer, NOBODY, [TRUE])


def hook_instructions(world: World, peer: Peer) -> float:
    """For each call, the mean over the kinds. hooks.c calls what the program reaches and what libc exports, by turns:
    half of its calls are libc's own in every column, and what a column adds lies in the other half."""
    _only_preloads(peer)
    few, many = (instructions(world, peer, NOBODY, [PROGRAMS / "hooks_counted", rounds]) for rounds in (1, 5))
    return (many - few) / (4 * COUNTED)


def hook_nanoseconds(world: World, peer: Peer) -> float:
    _only_preloads(peer)
    assignments = peer.preload(NOBODY) if peer.is_preload else []
    text = world.output_of(world.topology.client, ["env", *assignments, PROGRAMS / "hooks_timed", 51])
    return statistics.mean(float(line.split()[-1]) for line in text.splitlines()[1:])


def memory(world: World, peer: Peer, kind: str) -> float:
    text = world.run(peer, [PROGRAMS / "memory", DESTINATION_IP, BYTES_PORT])
    return sum(int(size) for size in re.findall(rf"^{kind}: +(\d+) kB", text, re.MULTILINE))


def resident(world: World, peer: Peer) -> float:
    return memory(world, peer, "Rss")


def anonymous(world: World, peer: Peer) -> float:
    """What no other process can share: pages of no file, and changed copies of a file's. The rest is there once, however
    many processes have it, as are the files of state that all processes of a user write to."""
    return memory(world, peer, "Anonymous")


ROWS = [
    Row("start of `true`, preload", "µs", start_by_preload, DIRECT, rounds=21),
    Row("start of `true`, launcher (direct: `env`)", "µs", start_by_launcher, DIRECT, rounds=21),
    Row("start of `true`, preload, instructions", "count", start_instructions, DIRECT, is_difference=True,
        rounds=1),
    Row("call on a foreign descriptor, instructions", "count", hook_instructions, DIRECT, is_difference=True,
        rounds=1),
    Row("call on a foreign descriptor, time added", "ns", hook_nanoseconds, None,
        is_zero_at_best=True),
    # How many pages come along with one depends on where in memory a library happens to lie.
    Row("resident memory, connected", "KiB", resident, NATIVE, is_difference=True, rounds=51),
    Row("of it anonymous", "KiB", anonymous, NATIVE, is_difference=True, rounds=9),
]
