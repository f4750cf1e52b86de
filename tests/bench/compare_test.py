# SPDX-License-Identifier: BSD-2-Clause
"""What run.py makes of its samples: medians, comparisons, and the text of the cells."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
from compare.cell import Cell, Filled, Row, fill  # noqa: E402
from compare.peers import Peer  # noqa: E402
from compare.table import Table  # noqa: E402
from compare.world import Problem  # noqa: E402


class Leaks:
    """Counts no packets, but is told of them."""

    def __init__(self):
        self.has_leaked = False

    def reset(self) -> None:
        self.has_leaked = False

    def read(self) -> "Leaks":
        return self

    def is_clean(self) -> bool:
        return not self.has_leaked


class World:
    def __init__(self, *peers: Peer):
        self.peers = list(peers)
        self.leaks = Leaks()


def row(base: str | None = "direct", **options) -> Row:
    return Row("row", "ms", lambda _world, _peer: 0.0, base, **options)


def table_of(filled: Filled) -> list[str]:
    line = Table(list(filled.cells), [filled]).text().splitlines()[2]
    return [word.strip() for word in line.strip("|").split("|")]


class CompareTest(unittest.TestCase):
    def test_ratio_is_the_median_of_the_rounds_ratios(self):
        filled = Filled(row(), {"direct": Cell([1, 100, 10]), "socksify": Cell([2, 100, 50])})
        self.assertEqual(filled.compare("socksify"), 2)
        self.assertEqual(table_of(filled), ["row, ms", "10 ±248%", "50 (x2.00) ±49%"])

    def test_difference_is_signed(self):
        filled = Filled(row(is_difference=True), {"direct": Cell([100]), "a": Cell([400]), "b": Cell([60])})
        self.assertEqual(table_of(filled), ["row, ms", "100", "400 (+300)", "60 (-40)"])

    def test_nothing_is_compared_to_a_base_that_failed(self):
        filled = Filled(row(), {"direct": Cell([5], "hangs (> 8 s)"), "socksify": Cell([5])})
        self.assertEqual(table_of(filled), ["row, ms", "hangs (> 8 s)", "5"])
        self.assertEqual(filled.compare("socksify"), None)

    def test_there_is_no_ratio_to_nothing(self):
        filled = Filled(row(), {"direct": Cell([0.0]), "socksify": Cell([5.0])})
        self.assertEqual(table_of(filled), ["row, ms", "0.00", "5"])

    def test_cells_without_a_value(self):
        filled = Filled(row(None), {"unknown": Cell([], ""), "late": Cell(), "leaky": Cell([1], "leaks")})
        self.assertEqual(table_of(filled), ["row, ms", "-", "not run", "leaks"])

    def test_numbers(self):
        cells = {str(value): Cell([value]) for value in (-0.456, 0.123, 1.5, 99.94, 1234.0, 12345.0, 123456.0, 1234567.0)}
        self.assertEqual(table_of(Filled(row(None), cells))[1:],
                         ["-0.46", "0.12", "1.5", "99.9", "1234", "12.3 k", "123 k", "1.23 M"])


class FillTest(unittest.TestCase):
    def test_columns_take_turns(self):
        order = []
        world = World(Peer("direct"), Peer("socksify"))
        filled = fill(Row("row", "ms", lambda _world, peer: order.append(peer.name) or 1.0, None), world, 2,
                      time.monotonic() + 60)
        self.assertEqual(order, ["direct", "socksify", "direct", "socksify"])
        self.assertEqual([cell.samples for cell in filled.cells.values()], [[1, 1], [1, 1]])

    def test_what_has_failed_is_not_tried_again(self):
        tried = []

        def measure(_world, peer):
            tried.append(peer.name)
            raise Problem("fails: why")

        filled = fill(Row("row", "ms", measure, None), World(Peer("tsocks"), Peer("other", problem="not installed")),
                      3, time.monotonic() + 60)
        self.assertEqual(tried, ["tsocks"])
        self.assertEqual([cell.problem for cell in filled.cells.values()], ["fails: why", "not installed"])

    def test_a_packet_elsewhere_is_a_leak_whatever_came_of_it(self):
        world = World(Peer("leaky"), Peer("tight"), Peer("direct"))

        def measure(_world, peer):
            world.leaks.has_leaked = peer.name != "tight"
            return 1.0

        filled = fill(Row("row", "ms", measure, None), world, 1, time.monotonic() + 60)
        self.assertEqual([cell.problem for cell in filled.cells.values()], ["leaks", None, None])

    def test_nothing_begins_behind_the_deadline(self):
        filled = fill(row(), World(Peer("direct")), 1, time.monotonic() - 1)
        self.assertEqual(filled.cells["direct"], Cell([], None))


if __name__ == "__main__":
    unittest.main()
