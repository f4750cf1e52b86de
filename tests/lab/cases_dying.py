# SPDX-License-Identifier: BSD-2-Clause
"""The first of three servers dies while 50 processes connect through it all the time: its process, or the network to
it, or it says nothing any more. No connect() fails, and of those that wait one alone waits for a time-out."""

import json
import signal
import threading
import time
from collections.abc import Callable

from case import SCRATCH, Case, Lab
from report import check
from servers_upstreams import THREE
from topology import DESTINATION_IP, PROXY_IP, WORK, Result

FIRST = next(iter(THREE))
PROCESSES, ROUNDS = 50, 40
BEFORE = 300  # Connections through the first server before it dies.
CONNECT_TIMEOUT_S = 2

CONFIGURATION = f"""
timeout.connect: {CONNECT_TIMEOUT_S}
timeout.negotiate: {CONNECT_TIMEOUT_S}
route {{ from: 0/0 to: 0/0 via: {', '.join(f'{PROXY_IP}:{port}' for port in THREE.values())} }}
"""
# Each process begins with all that there is to learn.
LOAD = f"""
for process in $(seq {PROCESSES}); do
  {WORK}/clients/load {ROUNDS} 80 {DESTINATION_IP} &
done
wait
"""


class Load:
    """The processes, running; and what they have told in the end."""

    def __init__(self, lab: Lab):
        self._lab = lab
        self._trace = SCRATCH / "trace"
        self._trace.unlink(missing_ok=True)
        self.result: Result | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.result = self._lab.on_client([self._lab.socksify, "--trace", self._trace, "-f",
                                           self._lab.configure(CONFIGURATION), "--", "sh", "-c", LOAD])

    def wait_for_connections(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while sum('"event":"connect"' in line for line in self._events()) < count:
            check(time.monotonic() < deadline, "the load does not begin")
            time.sleep(0.005)

    def _events(self) -> list[str]:
        return self._trace.read_text().splitlines() if self._trace.exists() else []

    def end(self) -> list[dict]:
        """Waits for the end. No connect() has failed. Returns the trials that did."""
        self._thread.join()
        lines = self.result.output.splitlines()
        check(lines == [f"connected {ROUNDS}"] * PROCESSES,
              f"expected {PROCESSES} times {ROUNDS} connections, found {sorted(set(lines))}")
        events = [json.loads(line) for line in self._events()]
        connected = sum(event["event"] == "connect" and event["outcome"] == "ok" for event in events)
        check(connected == PROCESSES * ROUNDS, f"the trace has {connected} connections")
        return [event for event in events if event["event"] == "trial"]


def process_dies(lab: Lab) -> str:
    load = Load(lab)
    try:
        load.wait_for_connections(BEFORE)
        lab.servers.kill(FIRST)
        trials = load.end()
    finally:
        lab.servers.start(FIRST)
    outcomes = {trial["outcome"] for trial in trials}
    check(trials != [] and outcomes <= {"ECONNREFUSED", "ECONNABORTED", "ECONNRESET"}, f"trials failed with {outcomes}")
    return f"{len(trials)} trials of {PROCESSES * ROUNDS} connections failed"


def load_while(lab: Lab, dies: Callable[[], None], recovers: Callable[[], None]) -> list[dict]:
    """The failed trials of a load in the midst of which the server dies."""
    load = Load(lab)
    try:
        load.wait_for_connections(BEFORE)
        dies()
        return load.end()
    finally:
        recovers()


def one_time_out(lab: Lab, dies: Callable[[], None], recovers: Callable[[], None]) -> str:
    # On a fast machine the load may be over before the server dies.
    for _ in range(5):
        begin = time.monotonic()
        trials = load_while(lab, dies, recovers)
        if trials:
            break
    elapsed_s = time.monotonic() - begin
    found = [f"{trial['outcome']}, {trial['reason']}, {trial['ms']} ms" for trial in trials]
    check([trial["outcome"] for trial in trials] == ["ETIMEDOUT"],
          f"expected one time-out, found {len(trials)} failed trials: {'; '.join(sorted(set(found)))}")
    return f"the load took {elapsed_s:.1f} s"


def network_dies(lab: Lab) -> str:
    """Packets to and from it are lost."""
    port = THREE[FIRST]
    return one_time_out(lab, lambda: lab.servers.silence(port), lambda: lab.servers.end_silence(port))


def server_stops(lab: Lab) -> str:
    """It is there, and takes connections, but says nothing."""
    return one_time_out(lab, lambda: lab.servers[FIRST].process.send_signal(signal.SIGSTOP),
                        lambda: lab.servers[FIRST].process.send_signal(signal.SIGCONT))


def cases() -> list[Case]:
    servers = (*THREE, "web")
    return [
        Case("the first of three servers is killed under load: no connect() fails", process_dies, servers),
        Case("the network to the first of three servers dies under load: one time-out in 50 processes", network_dies,
             servers),
        Case("the first of three servers stops under load: one time-out in 50 processes", server_stops, servers),
    ]
