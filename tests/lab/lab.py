# SPDX-License-Identifier: BSD-2-Clause
"""lab.py BUILD_DIR [WORD...]: the cases, one after the other. Started by run.sh, in namespaces of its own."""

import os
import pathlib
import sys
import time

import cases_calls
import cases_failures
import cases_preload
import cases_programs
import cases_self_check
import cases_syscalls
from case import Case, Lab
from report import Failed, Report, Skipped, check
from topology import TOOLS, find_command

IS_CI = os.environ.get("CI") == "true"


def what_is_missing(case: Case, lab: Lab) -> str | None:
    for command in case.commands:
        if find_command(command) is None:
            return f"{command} is not installed"
    for name in case.servers:
        problem = lab.servers[name].problem
        if problem is not None:
            return problem
    return None


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
        traffic = lab.leaks.read()
        check(case.leaks or traffic.is_clean(), f"the client leaked: {traffic}")
        check(case.asked is None or traffic.asked == case.asked,
              f"expected connections to the proxy ports {sorted(case.asked or ())}, found {sorted(traffic.asked)}")
    except Skipped as reason:
        report.skip(case.name, str(reason))
    except Failed as failure:
        logs = [lab.servers[name].log_tail() for name in case.servers if lab.servers[name].host == "proxy"]
        report.fail(case.name, str(failure), [*lab.evidence(), *logs, str(lab.leaks.read())])
    else:
        report.ok(case.name, time.monotonic() - begin, note or "")


def main() -> int:
    report = Report()
    missing = [tool for tool in TOOLS if find_command(tool) is None]
    if missing:
        (report.fail if IS_CI else report.skip)("lab", f"{missing[0]} is not installed")
        return report.close()
    lab = Lab(pathlib.Path(sys.argv[1]))
    words = sys.argv[2:]
    for folder in (cases_self_check, cases_programs, cases_preload, cases_calls, cases_failures, cases_syscalls):
        for case in folder.cases():
            if all(word in case.name for word in words):
                run_case(case, lab, report)
    return report.close()


sys.exit(main())
