# SPDX-License-Identifier: BSD-2-Clause
"""associate.py PROXY PROXY_PORT HOST PORT SIZE: a datagram to an echo server, by way of a SOCKS5 proxy.

Prints where it came back from, and its size. The protocol is spoken by hand (RFC 1928), without socksify: what the
proxy itself can do.
"""

import ipaddress
import socket
import struct
import sys


def address_of(host: str, port: int) -> bytes:
    try:
        address = ipaddress.ip_address(host)
        return bytes([1 if address.version == 4 else 4]) + address.packed + struct.pack("!H", port)
    except ValueError:
        return bytes([3, len(host)]) + host.encode() + struct.pack("!H", port)


def parse_address(data: bytes) -> tuple[str, int, bytes]:
    """The address that `data` begins with, and what follows."""
    size = {1: 4, 4: 16}[data[0]]
    host = str(ipaddress.ip_address(data[1:1 + size]))
    return host, struct.unpack("!H", data[1 + size:3 + size])[0], data[3 + size:]


proxy, destination = (sys.argv[1], int(sys.argv[2])), (sys.argv[3], int(sys.argv[4]))
sent = bytes(number % 251 for number in range(int(sys.argv[5])))
with socket.create_connection(proxy, 5) as control:
    control.sendall(b"\5\1\0")
    assert control.recv(2) == b"\5\0"
    control.sendall(b"\5\3\0" + address_of("0.0.0.0", 0))
    reply = control.recv(22)
    if reply[1] != 0:
        sys.exit(f"reply {reply[1]}")
    relay_host, relay_port, _ = parse_address(reply[3:])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(5)
        datagrams.sendto(b"\0\0\0" + address_of(*destination) + sent, (relay_host, relay_port))
        answer, source = datagrams.recvfrom(65536)
        assert source == (relay_host, relay_port) and answer[:3] == b"\0\0\0", (source, answer)
        host, port, payload = parse_address(answer[3:])
        print(host, port, len(payload) if payload == sent else "something else")
