# SPDX-License-Identifier: BSD-2-Clause
"""One line per case, what is needed to understand a failure, and a closing line."""

import sys


class Failed(Exception):
    """A case did not come out as it must; the text says how."""


class Skipped(Exception):
    """A case cannot be tried on this machine; the text says why."""


def check(condition: bool, text: str) -> None:
    if not condition:
        raise Failed(text)


class Report:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0

    def ok(self, name: str, elapsed_s: float, note: str = "") -> None:
        self.passed += 1
        self._line(f"ok    {name} ({elapsed_s:.2f} s){': ' if note else ''}{note}")

    def skip(self, name: str, reason: str) -> None:
        self.skipped += 1
        self._line(f"skip  {name}: {reason}")

    def fail(self, name: str, reason: str, evidence: list[str] | tuple = ()) -> None:
        self.failed += 1
        self._line(f"FAIL  {name}: {reason}")
        for text in evidence:
            for line in text.splitlines():
                self._line(f"      {line}")

    def close(self) -> int:
        """Prints the closing line; returns the exit status of the run."""
        self._line(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        if self.failed:
            return 1
        return 0 if self.passed else 77

    @staticmethod
    def _line(text: str) -> None:
        print(text)
        sys.stdout.flush()
