# SPDX-License-Identifier: BSD-2-Clause
"""Round trips to the proxy until the program's first bytes leave, counted in what tcpdump has seen.

The way between client and proxy is made to take long. Then whatever the client sends without waiting leaves before
anything comes back, and the order of the packets tells what it has waited for: also for an acknowledgement.
"""

import contextlib
import dataclasses
import pathlib
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

from case import SCRATCH, Case, Lab
from report import Skipped, check
from servers import DANTED, ECHO_PORT, MICROSOCKS, SSH_D
from topology import CLIENT_IP, DESTINATION_IP, PROXY_IP, Host

DEVICE = "slow"
ONE_WAY_MS = 50
FIRST_BYTES = b"the first bytes"

BLOCKING = f"""
import socket
connection = socket.create_connection(("{DESTINATION_IP}", {ECHO_PORT}), 20)
connection.settimeout(None)
connection.sendall({FIRST_BYTES!r})
print(connection.makefile("rb").read({len(FIRST_BYTES)}).decode(), end="")
"""
NONBLOCKING = f"""
import asyncio
async def main():
    reader, writer = await asyncio.open_connection("{DESTINATION_IP}", {ECHO_PORT})
    writer.write({FIRST_BYTES!r})
    print((await reader.readexactly({len(FIRST_BYTES)})).decode(), end="")
asyncio.run(main())
"""
PROGRAMS = {"blocking": BLOCKING, "asyncio": NONBLOCKING}


@dataclasses.dataclass
class Packet:
    time_s: float
    sender: str
    ports: frozenset
    is_syn: bool
    payload: bytes


def packets(capture: pathlib.Path) -> Iterator[Packet]:
    """The TCP packets of a file of tcpdump's (pcap-savefile(5)), of a device that has no headers of its own or
    Ethernet's. IPv4 alone."""
    data = capture.read_bytes()
    link_header = 14 if struct.unpack_from("=I", data, 20)[0] == 1 else 0
    at = 24
    while at < len(data):
        seconds, micros, size, _ = struct.unpack_from("=IIII", data, at)
        packet = data[at + 16 + link_header:at + 16 + size]
        at += 16 + size
        total = struct.unpack_from("!H", packet, 2)[0]
        tcp = packet[(packet[0] & 15) * 4:total]
        yield Packet(seconds + micros / 1e6, ".".join(str(byte) for byte in packet[12:16]),
                     frozenset(struct.unpack_from("!HH", tcp)), tcp[13] & 0x12 == 0x02, tcp[(tcp[12] >> 4) * 4:])


def new_connection(capture: pathlib.Path) -> list[Packet]:
    """The packets of the first connection that begins in a file; what is left of earlier ones is not among them."""
    seen = list(packets(capture))
    begins = next((at for at, packet in enumerate(seen) if packet.is_syn), len(seen))
    return [packet for packet in seen[begins:] if packet.ports == seen[begins].ports]


def count_round_trips(seen: list[Packet]) -> int:
    """How often the client had something to send only when something had come, up to the program's first bytes."""
    waits, has_come = 0, False
    for packet in seen:
        if packet.sender != CLIENT_IP:
            has_come = True
        elif packet.is_syn or packet.payload:
            waits += has_come
            has_come = False
            if FIRST_BYTES in packet.payload:
                return waits
    check(False, "the program's first bytes have not left")
    return waits


@contextlib.contextmanager
def slow_way(lab: Lab) -> Iterator[None]:
    """Client and proxy reach each other by the long way."""
    line = subprocess.Popen(
        [sys.executable, "-B", pathlib.Path(__file__).with_name("delay_line.py"), DEVICE, str(ONE_WAY_MS),
         str(lab.topology.client.pid), str(lab.topology.proxy.pid)], stdout=subprocess.PIPE, text=True)
    try:
        if line.stdout.readline() != "ready\n":
            raise Skipped("no network devices of one's own here (tun)")
        for host, here, there in ((lab.topology.client, CLIENT_IP, PROXY_IP),
                                  (lab.topology.proxy, PROXY_IP, CLIENT_IP)):
            host.must(f"ip link set {DEVICE} up")
            host.must(f"ip route add {there}/32 dev {DEVICE} src {here}")
        yield
    finally:
        line.kill()
        line.wait()


@contextlib.contextmanager
def captured(host: Host, device: str, port: int, capture: pathlib.Path) -> Iterator[None]:
    log = capture.with_suffix(".log")
    process = host.spawn(["tcpdump", "-i", device, "-Z", "root", "--immediate-mode", "-U", "-w", capture, f"tcp port {port}"], log)
    try:
        deadline = time.monotonic() + 10
        while "listening on" not in log.read_text():
            check(process.poll() is None and time.monotonic() < deadline, f"tcpdump does not start: {log.read_text()}")
            time.sleep(0.01)
        yield
    finally:
        process.terminate()  # What it has, it writes then.
        process.wait()


def round_trips(server: str, program: str, expected: int):
    def run(lab: Lab) -> str:
        there, here = SCRATCH / "destination.pcap", SCRATCH / "client.pcap"
        configuration = f"server proxy {{ {server} }}\nroute {{ from: 0/0 to: 0/0 via: proxy }}\n"
        port = int(server.partition("port = ")[2].split()[0])
        with slow_way(lab):
            with (captured(lab.topology.destination, "to-proxy", ECHO_PORT, there),
                  captured(lab.topology.client, DEVICE, port, here)):
                result = lab.through(configuration, [sys.executable, "-c", PROGRAMS[program]])
        check(result.status == 0 and result.output == FIRST_BYTES.decode(),
              f"exit status {result.status}, output {result.output!r}")
        seen = new_connection(here)
        found = count_round_trips(seen)
        check(found == expected, f"expected {expected} round trips before the first bytes, found {found}")
        arrived_s = next(packet.time_s for packet in packets(there) if FIRST_BYTES in packet.payload)
        return f"{expected}; the first bytes are there {1000 * (arrived_s - seen[0].time_s):.0f} ms after the first packet"
    return run


def cases() -> list[Case]:
    result = []
    ports = {"danted": DANTED, "ssh -D": SSH_D, "microsocks": MICROSOCKS}
    socks5 = {"strict": 3, "pipelined": 2, "pipelined early-data: yes": 1}
    socks4 = {"auto": 2, "auto early-data: yes": 1}
    # What loses early bytes is not known to take them, and is asked as ever.
    unknown = {"auto early-data: yes": 3}
    for name, protocol, handshakes in (("danted", "socks_v5", socks5), ("danted", "socks_v4", socks4),
                                       ("ssh -D", "socks_v5", socks5), ("ssh -D", "socks_v4", socks4),
                                       ("microsocks", "socks_v5", unknown)):
        for handshake, expected in handshakes.items():
            server = f"address: {PROXY_IP} port = {ports[name]}  proxyprotocol: {protocol}  handshake: {handshake}"
            for program in PROGRAMS:
                result.append(Case(f"round-trips to {name} by {protocol}, handshake: {handshake}, {program}",
                                   round_trips(server, program, expected), (name, "echo"), ("tcpdump",),
                                   frozenset({ports[name]})))
    return result
