# SPDX-License-Identifier: BSD-2-Clause
"""echo_server.py PORT: sends back what it receives, on TCP and UDP, IPv4 and IPv6 (RFC 862)."""

import socket
import socketserver
import sys
import threading


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def echo_datagrams(datagrams: socket.socket) -> None:
    while True:
        data, source = datagrams.recvfrom(65536)
        datagrams.sendto(data, source)


address = ("::", int(sys.argv[1]))
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.bind(address)
threading.Thread(target=echo_datagrams, args=(udp,), daemon=True).start()
Server(address, Echo).serve_forever()
