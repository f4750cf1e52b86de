# SPDX-License-Identifier: BSD-2-Clause
"""concurrent_asyncio.py COUNT HOST PORT: what tests/victims/many.c does, by Python's asyncio.

Opens COUNT connections at once, then exchanges a line on each, and prints the same lines.
"""

import asyncio
import resource
import sys
import time

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(host: str, port: int, seen: dict[str, int]) -> Connection | None:
    try:
        connection = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        seen["refused"] += 1
    except OSError as error:
        if seen["failed"] == 0:
            print("error", error)
        seen["failed"] += 1
    else:
        seen["connected"] += 1
        return connection
    return None


async def exchange(index: int, connection: Connection, seen: dict[str, int]) -> None:
    reader, writer = connection
    line = f"line {index}\n".encode()
    try:
        writer.write(line)
        if await reader.readline() != line:
            seen["wrong"] += 1
        writer.close()
        await writer.wait_closed()
    except OSError:
        seen["wrong"] += 1


async def run(count: int, host: str, port: int) -> int:
    seen = dict.fromkeys(("connected", "refused", "failed", "wrong"), 0)
    started = time.monotonic()
    made = await asyncio.gather(*(connect(host, port, seen) for _ in range(count)))
    milliseconds = round((time.monotonic() - started) * 1000)
    await asyncio.gather(*(exchange(index, one, seen) for index, one in enumerate(made) if one))
    print("milliseconds", max(milliseconds, 1))
    for name, value in seen.items():
        print(name, value)
    return 0 if seen["connected"] == count and seen["wrong"] == 0 else 1


if __name__ == "__main__":
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    sys.exit(asyncio.run(run(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
