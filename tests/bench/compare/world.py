# SPDX-License-Identifier: BSD-2-Clause
"""Where the measurements happen: the lab's three hosts, with servers that measure nothing themselves.

Preloads and programs with SOCKS of their own run on the client, programs without a proxy on the proxy's host, which
reaches the destination. What leaves the client for elsewhere than a proxy is counted and refused (tests/lab/leaks.py).
"""

import pathlib
import resource
import subprocess
import sys
import time

from compare.peers import DIRECT, NATIVE, Peer, Proxy, all_peers
from leaks import LeakCounter
from topology import DESTINATION_IP, PROXY_IP, WORK, Host, Result, Topology, find_command

BENCH = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = WORK / "programs"
FAST = Proxy(PROXY_IP, 1085)  # The quickest that there is, so that what its clients cost shows most.
SLOW = Proxy(PROXY_IP, 1086)  # Answers after DELAY_MS, and plays the destination itself.
SLOW_ANSWERS = Proxy(PROXY_IP, 1087)  # Every message of the handshake is answered after ANSWER_MS; likewise.
DANTED = Proxy(PROXY_IP, 1088)
MICROSOCKS = Proxy(PROXY_IP, 1089)
ECHO_NAME = "echo.bench.test"  # That proxy alone knows it.
BYTES_PORT, ECHO_PORT = 9000, 9001
DELAY_MS = 100
ANSWER_MS = 30
COMMAND_SECONDS = 8.0
DANTED_CONF = f"""
logoutput: /dev/null
internal: {DANTED.host} port = {DANTED.port}
external: to-dest
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 0/0 to: 0/0 }}
socks pass {{ from: 0/0 to: 0/0 }}
"""


class Problem(Exception):
    """Why a cell holds no number; without text, because there is nothing to measure."""


def _last_line(result: Result) -> str:
    lines = [line.strip() for line in (result.errors + "\n" + result.output).splitlines() if line.strip()]
    return lines[-1][:60] if lines else f"status {result.status}"


class World:
    def __init__(self, build: pathlib.Path):
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self.build = build
        self.topology = Topology()
        for host in (self.topology.client, self.topology.proxy):
            # Thousands of connections are closed within a minute.
            self.output_of(host, ["sysctl", "-q", "-w", "net.ipv4.tcp_tw_reuse=1",
                                  "net.ipv4.ip_local_port_range=2048 65000"])
        self._compile()
        self.running: set[Proxy] = set()  # Of those that may not be installed.
        self.peers = all_peers(build)
        self.leaks = LeakCounter(self.topology.client, [proxy.port for proxy in (FAST, SLOW, SLOW_ANSWERS, DANTED, MICROSOCKS)])
        self._start_servers()

    @staticmethod
    def _compile() -> None:
        PROGRAMS.mkdir()
        victims = BENCH.parent / "victims"
        for source, name, *options in (
            *((file, file.stem) for file in sorted((BENCH / "clients").glob("*.c"))),
            (victims / "many.c", "many"),
            (BENCH / "concurrent_native.c", "concurrent_native", "-D_GNU_SOURCE"),
            (BENCH / "udp_rate.c", "udp_rate"),
            # What a busy machine interrupts is the exception where a measurement is short.
            (BENCH / "hooks.c", "hooks_timed", "-DHOOKS_CALLS=1000"),
            (BENCH / "hooks.c", "hooks_counted", "-DHOOKS_CALLS=500"),
        ):
            subprocess.run(["cc", "-O2", "-pthread", *options, "-o", PROGRAMS / name, source], check=True)

    def _start_servers(self) -> None:
        client, proxy, destination = self.topology.client, self.topology.proxy, self.topology.destination
        source = PROGRAMS / "source"
        self._start(destination, BYTES_PORT, [source, "bytes", DESTINATION_IP, BYTES_PORT])
        self._start(destination, ECHO_PORT, [source, "echo", DESTINATION_IP, ECHO_PORT])
        self._start(destination, 53, ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                                      "--no-hosts", "--user=root", "--pid-file=", "--local=/#/",
                                      f"--address=/test/{DESTINATION_IP}"])
        server = [self.build / "bin" / "socksify-testserver", "--quiet", "--listen"]
        self._start(proxy, FAST.port, [*server, FAST])
        self._start(proxy, SLOW.port, [*server, SLOW, "--echo", DESTINATION_IP,
                                       "--script", f"{DESTINATION_IP}: reply.delay={DELAY_MS}"])
        self._start(proxy, SLOW_ANSWERS.port, [*server, SLOW_ANSWERS, "--echo", DESTINATION_IP, "--echo", ECHO_NAME,
                                               "--script", f"method.delay={ANSWER_MS} reply.delay={ANSWER_MS}"])
        danted_conf = WORK / "danted.conf"
        danted_conf.write_text(DANTED_CONF)
        for server, argv in ((DANTED, ["danted", "-f", danted_conf, "-p", WORK / "danted.pid"]),
                             (MICROSOCKS, ["microsocks", "-i", MICROSOCKS.host, "-p", MICROSOCKS.port])):
            if find_command(argv[0]):
                self._start(proxy, server.port, argv)
                self.running.add(server)
        self.relay_memory = WORK / "relay"
        self._relay = client.spawn([PROGRAMS / "udp_rate", "relay", self.relay_memory], WORK / "relay.log")

    def _start(self, host: Host, port: int, argv: list) -> None:
        log = WORK / f"server-{port}.log"
        process = host.spawn(argv, log)
        deadline = time.monotonic() + 10
        while not host.is_listening(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{argv[0]} does not start: {log.read_text()}")
            time.sleep(0.01)

    def relay(self) -> Proxy:
        """The UDP relay on the client's loopback, which has written down its port."""
        return Proxy("127.0.0.1", int.from_bytes(self.relay_memory.read_bytes()[:4], sys.byteorder))

    def run(self, peer: Peer, argv: list, *, proxy: Proxy = FAST, before: tuple = (),
            deadline_s: float = COMMAND_SECONDS) -> str:
        """Runs a program as a column would: a preload is put before it, and a program that speaks SOCKS5 itself gets
        the proxy as its last argument. `before` is a command that looks at the program. Returns what it prints."""
        words = [*before, *argv]
        if peer.is_preload:
            words = [*before, "env", *peer.preload(proxy), *argv]
        elif peer.name == NATIVE:
            words.append(proxy)
        host = self.topology.proxy if peer.name == DIRECT else self.topology.client
        return self.output_of(host, words, deadline_s)

    @staticmethod
    def output_of(host: Host, words: list, deadline_s: float = COMMAND_SECONDS) -> str:
        result = host.run(words, deadline_s=deadline_s)
        if result.status is None:
            raise Problem(f"hangs (> {deadline_s:g} s)")
        if result.status != 0:
            raise Problem(f"fails: {_last_line(result)}")
        return result.output
