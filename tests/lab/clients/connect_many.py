# SPDX-License-Identifier: BSD-2-Clause
"""connect_many.py COUNT FILE: the peer of accept_many. Connects to each address as it appears in FILE, and prints its
own address when its line has come back."""

import pathlib
import socket
import sys
import time

count, file = int(sys.argv[1]), pathlib.Path(sys.argv[2])
for number in range(count):
    while not file.exists() or file.read_text().count("\n") <= number:
        time.sleep(0.001)
    host, port = file.read_text().splitlines()[number].split()[:2]
    connection = socket.create_connection((host, int(port)), timeout=5)
    connection.sendall(b"%d\n" % number)
    if connection.recv(64) == b"%d\n" % number:
        print(*connection.getsockname(), flush=True)
    connection.close()
