#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""failed_tests.py REPORT...: the tests that failed, by ctest's reports (--output-junit), each with the end of
what it printed. Ends with 0 if there was any."""

import sys
import xml.etree.ElementTree as ElementTree

MOST_TESTS = 20
MOST_LINES = 40


def failed_tests(path):
    try:
        suite = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        print(f"{path}: {error}")
        return
    for case in suite.iter("testcase"):
        if case.find("failure") is not None:
            yield case.get("name"), (case.findtext("system-out") or "").splitlines()


def main():
    failed = [test for path in sys.argv[1:] for test in failed_tests(path)]
    for name, lines in failed[:MOST_TESTS]:
        print(f"{name}:")
        if len(lines) > MOST_LINES:
            print("  [...]")
        for line in lines[-MOST_LINES:]:
            print(f"  {line}")
    for name, _ in failed[MOST_TESTS:]:
        print(f"{name}: failed, too")
    return 0 if failed else 1


if __name__ == "__main__":
    sys.exit(main())
