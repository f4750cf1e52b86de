# SPDX-License-Identifier: BSD-2-Clause
"""contained.sh leaves nothing behind, however a run ends, and says so when something is left. Needs root."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = HERE / "contained.sh"
DEADLINE_S = 20.0

# What a run makes: three hosts with links between them, and a process that is in a session of its own.
RUN = f"""
import os, subprocess, sys
sys.path.insert(0, {str(HERE)!r})
from topology import WORK, Topology
topology = Topology()
topology.client.spawn(["sleep", "infinity"], WORK / "log")
print(os.readlink("/proc/self/ns/pid"), os.readlink(f"/proc/{{topology.client.pid}}/ns/net"), flush=True)
sys.stdin.read()
"""


def processes_in(namespaces: list[str]) -> list[int]:
    """All that have not ended; whether their parents have asked for them is not the run's affair."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            is_member = any(os.readlink(folder / "ns" / kind) in namespaces for kind in ("pid", "net"))
            if is_member and "\nState:\tZ" not in (folder / "status").read_text():
                found.append(int(folder.name))
        except OSError:  # It has ended.
            continue
    return found


class ContainedTest(unittest.TestCase):
    def start(self) -> None:
        """Returns when the run has made what it makes, whose namespaces are in `namespaces`."""
        self.process = subprocess.Popen([SCRIPT, sys.executable, "-B", "-c", RUN], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            self.addCleanup(pipe.close)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.namespaces = self.process.stdout.readline().split()
        self.assertEqual(len(self.namespaces), 2)
        # The holders of three hosts, what is spawned, and the run itself.
        self.assertGreaterEqual(len(processes_in(self.namespaces)), 5)

    def end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, errors

    def test_a_run_that_ends_by_itself(self):
        self.start()
        self.assertEqual(self.end(), (0, ""))
        self.assertEqual(processes_in(self.namespaces), [])

    def test_a_run_that_is_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.start()
            self.process.send_signal(number)
            self.assertEqual(self.end(), (128 + number, ""))
            self.assertEqual(processes_in(self.namespaces), [])

    def test_a_run_whose_script_is_killed(self):
        self.start()
        self.process.kill()
        self.process.wait()
        deadline = time.monotonic() + DEADLINE_S
        while processes_in(self.namespaces) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(processes_in(self.namespaces), [])

    def test_what_is_left_fails_the_run(self):
        self.start()
        member = next(pid for pid in processes_in(self.namespaces[1:]))
        stray = subprocess.Popen(["nsenter", f"--target={member}", "--net", "sleep", "60"])
        self.addCleanup(stray.wait)
        self.addCleanup(stray.kill)
        while stray.pid not in processes_in(self.namespaces):
            self.assertIsNone(stray.poll())
            time.sleep(0.05)
        self.assertEqual(self.end(), (3, f"contained.sh: left behind in {self.namespaces[1]}: sleep 60 \n"))

    def test_the_status_is_the_commands(self):
        for status in (0, 1, 77):
            self.assertEqual(subprocess.run([SCRIPT, "sh", "-c", f"exit {status}"], check=False).returncode, status)


def is_possible() -> bool:
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "true"]
    return os.geteuid() == 0 and subprocess.run(unshare, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    if not is_possible():
        print("needs root, and namespaces")
        sys.exit(77)
    unittest.main()
