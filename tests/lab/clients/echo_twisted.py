# SPDX-License-Identifier: BSD-2-Clause
"""The client of README.md for Twisted's reactors."""

import errno
import importlib
import sys

HOST, PORT, HOW = sys.argv[1], int(sys.argv[2]), sys.argv[3]
importlib.import_module(f"twisted.internet.{HOW}reactor").install()

from twisted.internet import defer, endpoints, protocol, reactor, task  # noqa: E402: after the reactor is chosen
from twisted.protocols import basic  # noqa: E402


class Echo(basic.LineReceiver):
    delimiter = b"\n"

    def __init__(self):
        self.line = defer.Deferred()

    def lineReceived(self, line):
        self.line.callback(line)
        self.transport.loseConnection()


async def main(_reactor) -> None:
    endpoint = endpoints.HostnameEndpoint(reactor, HOST, PORT)
    attempts = [endpoint.connect(protocol.Factory.forProtocol(Echo)) for _ in range(20)]
    try:
        connections = await defer.gatherResults(attempts, consumeErrors=True)
    except defer.FirstError as failure:
        print(errno.errorcode[failure.subFailure.value.osError])
        return
    for number, connection in enumerate(connections):
        connection.sendLine(b"%d" % number)
    lines = await defer.gatherResults([connection.line for connection in connections])
    print(sum(line == b"%d" % number for number, line in enumerate(lines)))


task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
