# SPDX-License-Identifier: BSD-2-Clause
"""lab.py BUILD_DIR [OPTION...] [WORD...]: the cases, one after the other. Started by run.sh, in its namespaces."""

import argparse
import os
import pathlib
import sys
import time
from collections.abc import Callable

import cases_calls
import cases_dying
import cases_early_data
import cases_events
import cases_failures
import cases_inbound
import cases_names
import cases_preload
import cases_programs
import cases_round_trips
import cases_scenario
import cases_self_check
import cases_syscalls
import cases_udp
import cases_upstreams
from case import Case, Lab
from leaks import Traffic
from report import Failed, Report, Skipped, check
from topology import TOOLS, find_command

IS_CI = os.environ.get("CI") == "true"


def what_is_missing(case: Case, lab: Lab) -> str | None:
    for command in case.commands:
        if find_command(command) is None:
            return f"{command} is not installed"
    for name in case.servers:
        problem = lab.servers.require(name)
        if problem is not None:
            return problem
    return None


def check_traffic(case: Case, traffic: Traffic) -> None:
    check(case.leaks or traffic.is_clean(), f"the client leaked: {traffic}")
    check(case.asked is None or traffic.asked == case.asked,
          f"expected connections to the proxy ports {sorted(case.asked or ())}, found {sorted(traffic.asked)}")


def run_case(case: Case, lab: Lab, report: Report) -> None:
    missing = what_is_missing(case, lab)
    if missing is not None:
        if missing.endswith("not installed") and not IS_CI:
            report.skip(case.name, missing)
        else:
            report.fail(case.name, missing, [lab.servers[name].log_tail() for name in case.servers])
        return
    lab.begin()
    begin = time.monotonic()
    try:
        note = case.run(lab)
        if not lab.is_direct:
            check_traffic(case, lab.leaks.read())
    except Skipped as reason:
        report.skip(case.name, str(reason))
    except Failed as failure:
        logs = [lab.servers[name].log_tail() for name in case.servers if lab.servers[name].host == "proxy"]
        report.fail(case.name, str(failure), [*lab.evidence(), *logs, str(lab.leaks.read())])
    else:
        report.ok(case.name, time.monotonic() - begin, note or "")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--large", action="store_true", help="only the programs of packages-large.txt")
    parser.add_argument("--slow", action="store_true", help="only the programs that take minutes")
    parser.add_argument("--direct", action="store_true",
                        help="what can be had on the proxy's host without socksify, there: it is fair")
    parser.add_argument("words", nargs="*", metavar="WORD")
    return parser.parse_intermixed_args()


def cases_for(options: argparse.Namespace) -> list[Callable[[], list[Case]]]:
    if options.large or options.slow:
        return ([cases_events.large_cases, cases_names.large_cases] * options.large
                + [cases_events.slow_cases] * options.slow)
    if options.direct:
        return [cases_events.cases, cases_names.direct_cases, cases_udp.direct_cases]
    folders = (cases_self_check, cases_programs, cases_events, cases_preload, cases_calls, cases_names,
               cases_udp, cases_inbound, cases_failures, cases_dying,
               cases_upstreams, cases_scenario, cases_syscalls, cases_round_trips, cases_early_data)
    return [folder.cases for folder in folders]


def main() -> int:
    report = Report()
    missing = [tool for tool in TOOLS if find_command(tool) is None]
    if missing:
        (report.fail if IS_CI else report.skip)("lab", f"{missing[0]} is not installed")
        return report.close()
    options = parse_arguments()
    lab = Lab(options.build, options.direct)
    for cases in cases_for(options):
        for case in cases():
            if all(word in case.name for word in options.words):
                run_case(case, lab, report)
    return report.close()


sys.exit(main())
