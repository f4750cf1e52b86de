# SPDX-License-Identifier: BSD-2-Clause
"""echo_udp_asyncio.py HOST PORT [connected]: 20 datagrams, as in echo_udp.c, by an endpoint of asyncio's."""

import asyncio
import errno
import socket
import sys

DATAGRAMS = {b"%d" % number * (number * 17 + 1) for number in range(20)}


class Echo(asyncio.DatagramProtocol):
    def __init__(self, server: tuple, done: asyncio.Future):
        self._server = server
        self._done = done
        self._missing = set(DATAGRAMS)

    def datagram_received(self, data: bytes, source: tuple) -> None:
        if source == self._server:
            self._missing.discard(data)
        if not self._missing and not self._done.done():
            self._done.set_result(None)

    def error_received(self, error: OSError) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    def right(self) -> int:
        return len(DATAGRAMS) - len(self._missing)


async def main(host: str, port: str, is_connected: bool) -> None:
    loop = asyncio.get_running_loop()
    family, *_, server = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
    done = loop.create_future()
    to = {"remote_addr": server} if is_connected else {"family": family}
    transport, echo = await loop.create_datagram_endpoint(lambda: Echo(server, done), **to)
    for datagram in DATAGRAMS:
        transport.sendto(datagram, None if is_connected else server)
    await asyncio.wait([done], timeout=5)
    if done.done() and done.exception() is not None:
        raise done.exception()
    print(echo.right())


try:
    asyncio.run(main(*sys.argv[1:3], is_connected=len(sys.argv) > 3))
except OSError as problem:
    sys.exit(errno.errorcode.get(problem.errno, str(problem)))
