# SPDX-License-Identifier: BSD-2-Clause
"""held_asyncio.py HOST PORT HELD HOW: twenty echoes, while a connection to HELD, begun before them, gets no answer."""

import asyncio
import sys

from echo_asyncio import SELECTORS, echo

HOST, PORT, HELD, HOW = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]


async def main() -> None:
    held = asyncio.create_task(asyncio.open_connection(HELD, PORT))
    await asyncio.wait([held], timeout=0.2)  # It has looked the name up and begun to connect.
    connections = await asyncio.gather(*[asyncio.open_connection(HOST, PORT) for _ in range(20)])
    right = sum(await asyncio.gather(*[echo(number, *connection) for number, connection in enumerate(connections)]))
    print(right, "after" if held.done() else "while held")
    held.cancel()
    await asyncio.wait([held])


asyncio.SelectorEventLoop(SELECTORS[HOW]()).run_until_complete(main())
