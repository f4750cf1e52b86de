# SPDX-License-Identifier: BSD-2-Clause
"""The client of README.md for asyncio's streams."""

import asyncio
import errno
import selectors
import sys

SELECTORS = {"epoll": selectors.EpollSelector, "poll": selectors.PollSelector, "select": selectors.SelectSelector}


async def echo(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"%d\n" % number)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line == b"%d\n" % number


async def main(host: str, port: int) -> None:
    try:
        connections = await asyncio.gather(*[asyncio.open_connection(host, port) for _ in range(20)])
    except OSError as error:
        print(errno.errorcode[error.errno])
        return
    print(sum(await asyncio.gather(*[echo(number, *connection) for number, connection in enumerate(connections)])))


if __name__ == "__main__":
    loop = asyncio.SelectorEventLoop(SELECTORS[sys.argv[3]]())
    loop.run_until_complete(main(sys.argv[1], int(sys.argv[2])))
