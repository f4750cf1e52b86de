# SPDX-License-Identifier: BSD-2-Clause
"""accept_many.py HOW COUNT FILE: accept_many.c in Python. HOW is accept, epoll or asyncio."""

import asyncio
import errno
import select
import socket
import sys

how, count, file = sys.argv[1], int(sys.argv[2]), open(sys.argv[3], "w")


def tell(listener) -> None:
    print(*listener.getsockname(), file=file, flush=True)


def serve(connection, peer) -> None:
    print(*peer, *connection.getpeername())
    connection.sendall(connection.recv(64))
    connection.close()


def one_by_one(listener) -> None:
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    for _ in range(count):
        tell(listener)
        if how == "epoll":
            epoll.poll()
        serve(*listener.accept())


async def by_asyncio(listener) -> None:
    listener.setblocking(False)
    for _ in range(count):
        tell(listener)
        connection, peer = await asyncio.get_running_loop().sock_accept(listener)
        connection.setblocking(True)
        serve(connection, peer)


try:
    server = socket.socket()
    server.bind(("", 0))
    server.listen()
    if how == "asyncio":
        asyncio.run(by_asyncio(server))
    else:
        one_by_one(server)
except OSError as error:
    print(errno.errorcode[error.errno])
    sys.exit(1)
