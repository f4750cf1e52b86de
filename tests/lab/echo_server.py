# SPDX-License-Identifier: BSD-2-Clause
"""echo_server.py PORT: sends back what it receives, on TCP, IPv4 and IPv6 (RFC 862)."""

import socket
import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


Server(("::", int(sys.argv[1])), Echo).serve_forever()
