# SPDX-License-Identifier: BSD-2-Clause
"""What goes over a host's links: a capture of its TCP segments, and how often their sender had to wait."""

import ctypes
import dataclasses
import os
import socket
import struct
import threading

from topology import Host

_CLONE_NEWNET = 0x40000000
_ETH_P_ALL, _ETH_P_IP = 0x0003, 0x0800


@dataclasses.dataclass(frozen=True)
class Segment:
    is_sent: bool  # by the host, or else by its peer
    is_syn: bool
    payload: bytes


def parse_segment(packet: bytes, is_sent: bool) -> Segment | None:
    """`packet` begins with its IPv4 header (RFC 791, section 3.1), which is followed by one of TCP (RFC 9293, section
    3.1), or there is no segment."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
        return None
    begin, end = (packet[0] & 15) * 4, struct.unpack_from("!H", packet, 2)[0]
    if len(packet) < begin + 20:
        return None
    return Segment(is_sent, bool(packet[begin + 13] & 2), packet[begin + (packet[begin + 12] >> 4) * 4:end])


def round_trips(segments: list[Segment], first_bytes: bytes) -> int | None:
    """How often the host has sent something and has heard from its peer, SYN included, before a segment with
    `first_bytes` left it. None when there is none. Mere acknowledgements do not count."""
    count, waits = 0, False
    for segment in segments:
        if segment.is_sent and first_bytes in segment.payload:
            return count
        if not segment.is_syn and not segment.payload:
            continue
        if waits and not segment.is_sent:
            count += 1
        waits = segment.is_sent
    return None


class Capture:
    """The segments that pass the links of a host other than its loopback while the capture is open."""

    def __init__(self, host: Host):
        # A namespace is a thread's own; the socket stays in the one that it was made in.
        thread = threading.Thread(target=self._open, args=(host.pid,))
        self._socket = None
        thread.start()
        thread.join()
        if self._socket is None:
            raise RuntimeError(f"cannot listen on the links of the {host.name}")

    def _open(self, pid: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/proc/{pid}/ns/net", "rb") as namespace:
            if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        # Without the link's header, see packet(7).
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        self._socket.setblocking(False)

    def __enter__(self) -> "Capture":
        return self

    def __exit__(self, *_exception) -> None:
        self._socket.close()

    def segments(self) -> list[Segment]:
        """What has passed since the last call."""
        found = []
        while True:
            try:
                packet, (link, protocol, kind, *_) = self._socket.recvfrom(1 << 16)
            except BlockingIOError:
                return found
            if protocol != _ETH_P_IP or link == "lo":
                continue
            segment = parse_segment(packet, kind == socket.PACKET_OUTGOING)
            if segment is not None:
                found.append(segment)
