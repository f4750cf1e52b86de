# SPDX-License-Identifier: BSD-2-Clause
"""A row, its cells, and how one is filled: all columns by turns, round after round."""

import dataclasses
import statistics
import time
from collections.abc import Callable

from compare.peers import Peer
from compare.world import Problem, World

ROW_SECONDS = 20.0  # No further round of a row begins after that.


def half_quartile_distance(values: list[float]) -> float | None:
    """Half the way from the lower to the upper quartile. A busy machine's worst does not count, which says nothing of
    what was measured."""
    if len(values) < 3:
        return None
    lower, _, upper = statistics.quantiles(values, method="inclusive")
    return (upper - lower) / 2


@dataclasses.dataclass
class Cell:
    """The values of one column by round, or why there are none. What fails once has failed."""

    samples: list[float] = dataclasses.field(default_factory=list)
    problem: str | None = None

    @property
    def value(self) -> float | None:
        return statistics.median(self.samples) if self.samples and self.problem is None else None

    @property
    def spread(self) -> float | None:
        """That of the samples, as a share of their median."""
        if not self.value or self.value < 0:
            return None
        distance = half_quartile_distance(self.samples)
        return None if distance is None else distance / self.value


@dataclasses.dataclass(frozen=True)
class Comparison:
    """To the base: the median over the rounds of the ratios, or of the differences."""

    value: float
    spread: float | None  # Of the rounds' ratios, as a share of their median; of the differences, in the row's unit.


@dataclasses.dataclass(frozen=True)
class Row:
    """What to measure. `measure` raises Problem; a problem without text means that the column knows no such thing."""

    name: str
    unit: str
    measure: Callable[[World, Peer], float]
    base: str | None            # The column that the others are compared to.
    is_difference: bool = False  # Compared by what is added, not by the ratio.
    is_zero_at_best: bool = False  # A share of the value would be a share of nothing.
    rounds: int = 9             # One is enough where the value is the same each time.


@dataclasses.dataclass
class Filled:
    row: Row
    cells: dict[str, Cell]

    def compare(self, name: str) -> Comparison | None:
        """None where there is nothing to compare, or nothing to compare it to."""
        base = self.cells.get(self.row.base or "")
        cell = self.cells[name]
        if base is None or base.value is None or cell.value is None or cell is base:
            return None
        pairs = list(zip(cell.samples, base.samples))
        if self.row.is_difference:
            compared = [one - other for one, other in pairs]
            return Comparison(statistics.median(compared), half_quartile_distance(compared))
        if not all(other for _, other in pairs):
            return None
        compared = [one / other for one, other in pairs]
        median = statistics.median(compared)
        distance = half_quartile_distance(compared)
        return Comparison(median, distance / median if distance is not None and median else None)


def _measure(row: Row, world: World, peer: Peer, cell: Cell) -> None:
    world.leaks.reset()
    try:
        if peer.problem is not None:
            raise Problem(peer.problem)
        cell.samples.append(row.measure(world, peer))
    except Problem as problem:
        cell.problem = str(problem)
    if peer.is_preload and not world.leaks.read().is_clean():
        cell.problem = "leaks"


def fill(row: Row, world: World, rounds: int, deadline: float) -> Filled:
    """`deadline` is that of the whole run, on the monotonic clock. A cell without values has not been run by then.
    Each round begins with another column, so that none is always behind the same other one."""
    cells = {peer.name: Cell() for peer in world.peers}
    end = min(deadline, time.monotonic() + ROW_SECONDS)
    for number in range(rounds):
        if number > 0 and time.monotonic() > end:
            break
        first = number % len(world.peers)
        for peer in [*world.peers[first:], *world.peers[:first]]:
            if cells[peer.name].problem is None and time.monotonic() < deadline:
                _measure(row, world, peer, cells[peer.name])
    return Filled(row, cells)
