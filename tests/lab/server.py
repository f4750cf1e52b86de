# SPDX-License-Identifier: BSD-2-Clause
"""One server of the lab, and how it starts and ends."""

import dataclasses
import os
import pathlib
import signal
import subprocess
import time

from topology import WORK, Host, find_command


@dataclasses.dataclass
class Server:
    """One server: where it runs, the commands it needs, its port, and how to start it."""

    name: str
    host: str
    commands: tuple[str, ...]
    port: int
    argv: list
    needs: tuple[str, ...] = ()  # Servers that have to run before this one.
    is_udp: bool = False         # Its port is one of UDP.
    on_demand: bool = False      # Takes long to start: waits for a case that needs it.
    problem: str | None = None   # Why it does not run.
    process: subprocess.Popen | None = None

    @property
    def log(self) -> pathlib.Path:
        return WORK / f"{self.name}.log"

    def log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"{self.name}'s log:"] + [f"  {line}" for line in lines[-8:]])

    def start(self, host: Host) -> None:
        """Starts it, and waits until it listens; `problem` says why it does not."""
        missing = [command for command in self.commands if find_command(command) is None]
        if missing:
            self.problem = f"{missing[0]} is not installed"
            return
        self.process = host.spawn(self.argv, self.log)
        deadline = time.monotonic() + 10
        while not host.is_listening(self.port, self.is_udp):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.problem = f"{self.name} does not start"
                return
            time.sleep(0.01)

    def kill(self) -> None:
        """The server and what it has started end at once, as by kill -9."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
