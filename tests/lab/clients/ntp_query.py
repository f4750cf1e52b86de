# SPDX-License-Identifier: BSD-2-Clause
"""ntp_query.py HOST: asks for the time, as ntpdate does; prints what matters of the answer."""

import os
import socket
import struct
import sys
import time

family, kind, _, _, server = socket.getaddrinfo(sys.argv[1], 123, type=socket.SOCK_DGRAM)[0]
with socket.socket(family, kind) as datagrams:
    datagrams.settimeout(5)
    stamp = os.urandom(8)
    datagrams.sendto(b"\x23" + bytes(39) + stamp, server)
    reply, source = datagrams.recvfrom(1024)
seconds = struct.unpack("!I", reply[40:44])[0] - 2208988800
assert source == server, f"an answer from {source}, expected {server}"
assert reply[0] & 7 == 4 and reply[24:32] == stamp, "not an answer to this question"
print(f"stratum {reply[1]}, {'right' if abs(seconds - time.time()) < 60 else 'wrong'} time")
