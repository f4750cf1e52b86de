# SPDX-License-Identifier: BSD-2-Clause
"""ntp_server.py PORT: answers each client's request as a clock of stratum 1 would, more or less (RFC 5905)."""

import socket
import struct
import sys
import time

SINCE_1900 = 2208988800
HEADER = struct.Struct("!BBbbII4s8s8s8s8s")

datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
datagrams.bind(("::", int(sys.argv[1])))
while True:
    request, source = datagrams.recvfrom(1024)
    if len(request) >= HEADER.size and request[0] & 7 == 3:  # A client's.
        now = struct.pack("!II", int(time.time()) + SINCE_1900, 0)
        version = request[0] >> 3 & 7
        reply = HEADER.pack(version << 3 | 4, 1, 6, -20, 0, 0, b"LAB\0", now, request[40:48], now, now)
        datagrams.sendto(reply, source)
