# SPDX-License-Identifier: BSD-2-Clause
"""The table, as Markdown that also reads well in a terminal, and as JSON."""

import dataclasses
import json
import os
import pathlib
import platform
import time

from compare.cell import Comparison, Filled


def _number(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    if value >= 1e5:
        return f"{value / 1e3:.0f} k"
    if value >= 1e4:
        return f"{value / 1e3:.1f} k"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2f}"


def _spread(filled: Filled, share: float | None) -> str:
    return "" if share is None or filled.row.is_zero_at_best else f" ±{share:.0%}"


def _comparison(filled: Filled, compared: Comparison) -> str:
    if filled.row.is_difference:
        spread = "" if not compared.spread else f" ±{_number(compared.spread)}"
        return f"{'+' if compared.value >= 0 else '-'}{_number(abs(compared.value))}{spread}"
    digits = f"{compared.value:.3g}" if compared.value >= 10 else f"{compared.value:.2f}"
    return f"x{digits}{_spread(filled, compared.spread)}"


def _cell(filled: Filled, name: str) -> str:
    cell = filled.cells[name]
    if cell.problem is not None:
        return cell.problem or "-"
    if cell.value is None:
        return "not run"
    compared = filled.compare(name)
    if compared is None:
        return _number(cell.value) + _spread(filled, cell.spread)
    return f"{_number(cell.value)} ({_comparison(filled, compared)})"


@dataclasses.dataclass
class Table:
    names: list[str]
    rows: list[Filled] = dataclasses.field(default_factory=list)
    began: float = dataclasses.field(default_factory=time.time)
    load: list[float] = dataclasses.field(default_factory=lambda: [os.getloadavg()[0]])

    def text(self) -> str:
        lines = [["", *self.names]]
        for filled in self.rows:
            lines.append([f"{filled.row.name}, {filled.row.unit}", *(_cell(filled, name) for name in self.names)])
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join("| " + " | ".join(word.ljust(width) for word, width in zip(line, widths)) + " |"
                         for line in lines)

    def machine(self) -> dict:
        models = [line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")]
        return {"processor": models[0] if models else platform.machine(), "processors": os.cpu_count(),
                "kernel": platform.release(), "load": [round(load, 1) for load in self.load],
                "seconds": round(time.time() - self.began)}

    def footing(self) -> str:
        """The machine, in one line."""
        facts = self.machine()
        load = " and ".join(f"{load:.1f}" for load in facts["load"])
        return (f"{facts['processor']}, {facts['processors']} processors, Linux {facts['kernel']}; load {load} before "
                f"and after; {facts['seconds']} s")

    def write_json(self, path: pathlib.Path) -> None:
        rows = [{"name": filled.row.name, "unit": filled.row.unit, "base": filled.row.base,
                 "comparison": "difference" if filled.row.is_difference else "ratio",
                 "cells": {name: {"median": cell.value, "samples": cell.samples, "problem": cell.problem,
                                  "compared": compared and dataclasses.asdict(compared)}
                           for name, cell in filled.cells.items() for compared in (filled.compare(name),)}}
                for filled in self.rows]
        path.write_text(json.dumps({"machine": self.machine(), "rows": rows}, indent=1) + "\n")
