# SPDX-License-Identifier: BSD-2-Clause
"""What run.py makes of its samples: medians, comparisons, and the text of the cells."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lab"))
from compare.cell import Cell, Comparison, Filled, Row, fill  # noqa: E402
from compare.peers import Peer  # noqa: E402
from compare.table import Table  # noqa: E402
from compare.wire import Segment, parse_segment, round_trips  # noqa: E402
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
        self.assertEqual(filled.compare("socksify"), Comparison(2, 0.5))
        self.assertEqual(table_of(filled), ["row, ms", "10 ±248%", "50 (x2.00 ±50%)"])

    def test_what_meets_both_columns_of_a_round_is_no_spread_of_the_ratio(self):
        filled = Filled(row(), {"direct": Cell([10, 20, 30, 400]), "socksify": Cell([20, 40, 60, 800])})
        self.assertEqual(table_of(filled), ["row, ms", "25 ±210%", "50 (x2.00 ±0%)"])

    def test_difference_is_signed_and_its_spread_has_the_rows_unit(self):
        filled = Filled(row(is_difference=True), {"direct": Cell([100]), "a": Cell([400]), "b": Cell([60])})
        self.assertEqual(table_of(filled), ["row, ms", "100", "400 (+300)", "60 (-40)"])
        filled = Filled(row(is_difference=True), {"direct": Cell([100] * 3), "a": Cell([400, 410, 440])})
        self.assertEqual(table_of(filled), ["row, ms", "100 ±0%", "410 (+310 ±10)"])

    def test_two_rounds_have_no_spread(self):
        filled = Filled(row(), {"direct": Cell([1, 2]), "socksify": Cell([2, 2])})
        self.assertEqual(table_of(filled), ["row, ms", "1.5", "2 (x1.50)"])

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
        values = (-0.456, 0.123, 1.5, 99.94, 1234.0, 12345.0, 123456.0, 1234567.0)
        cells = {str(value): Cell([value]) for value in values}
        self.assertEqual(table_of(Filled(row(None), cells))[1:],
                         ["-0.46", "0.12", "1.5", "99.9", "1234", "12.3 k", "123 k", "1.23 M"])


class FillTest(unittest.TestCase):
    def test_columns_take_turns_and_each_round_begins_with_another(self):
        order = []
        world = World(*(Peer(name) for name in "abc"))
        filled = fill(Row("row", "ms", lambda _world, peer: order.append(peer.name) or len(order), None), world, 4,
                      time.monotonic() + 60)
        self.assertEqual("".join(order), "abc" "bca" "cab" "abc")
        self.assertEqual({name: cell.samples for name, cell in filled.cells.items()},
                         {"a": [1, 6, 8, 10], "b": [2, 4, 9, 11], "c": [3, 5, 7, 12]})

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


SYN, SYN_ACK = Segment(True, True, b""), Segment(False, True, b"")
ACK, BACK_ACK = Segment(True, False, b""), Segment(False, False, b"")


def sent(payload: bytes) -> Segment:
    return Segment(True, False, payload)


def got(payload: bytes) -> Segment:
    return Segment(False, False, payload)


class WireTest(unittest.TestCase):
    def test_round_trips(self):
        strict = [SYN, SYN_ACK, ACK, sent(b"methods"), BACK_ACK, got(b"method"), ACK, sent(b"request"), got(b"reply")]
        for segments, expected in (
            ([SYN, SYN_ACK, ACK, sent(b"first")], 1),
            ([*strict, ACK, sent(b"first"), got(b"first")], 3),
            ([SYN, SYN_ACK, sent(b"methods, request"), got(b"method"), ACK, got(b"reply"), sent(b"first")], 2),
            ([SYN, SYN_ACK, sent(b"methods, "), sent(b"request"), sent(b"first")], 1),
            ([SYN, SYN_ACK, sent(b"methods, request and first")], 1),
            ([Segment(True, True, b"methods, request and first"), SYN_ACK], 0),
            ([SYN, SYN, SYN, SYN_ACK, SYN_ACK, sent(b"first")], 1),
            (strict, None),
            ([SYN, SYN_ACK, sent(b"methods"), got(b"first")], None),
        ):
            with self.subTest(segments=segments):
                self.assertEqual(round_trips(segments, b"first"), expected)

    def test_segments(self):
        # Version and length of the header, 0, total length, four bytes for fragments, hops, protocol, sum, addresses.
        ip = bytes([0x45, 0, 0, 43, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2])
        # Ports, two numbers, length of the header and flags, window, sum, urgent.
        tcp = bytes([0x9c, 0x40, 0x04, 0x38, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0])
        # What is behind the total length is the link's padding.
        self.assertEqual(parse_segment(ip + tcp + b"abc" + b"\0\0\0", True), Segment(True, True, b"abc"))
        options = tcp[:12] + b"\x60\x10" + tcp[14:] + b"\1\1\1\0"
        longer = ip[:3] + b"\x2f" + ip[4:]
        self.assertEqual(parse_segment(longer + options + b"abc", False), Segment(False, False, b"abc"))
        for packet in (b"", ip, ip + tcp[:-1], ip[:9] + b"\x11" + ip[10:] + tcp, b"\x60" + ip[1:] + tcp):
            self.assertIsNone(parse_segment(packet, True))


if __name__ == "__main__":
    unittest.main()
