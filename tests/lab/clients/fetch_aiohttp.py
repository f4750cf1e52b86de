# SPDX-License-Identifier: BSD-2-Clause
"""fetch_aiohttp.py URL: twenty requests at once by aiohttp; prints how many were answered alike, and one page."""

import asyncio
import sys

import aiohttp


async def fetch(session: aiohttp.ClientSession) -> str:
    async with session.get(sys.argv[1]) as answer:
        return await answer.text()


async def main() -> None:
    async with aiohttp.ClientSession() as session:
        pages = await asyncio.gather(*[fetch(session) for _ in range(20)])
    print(pages.count(pages[0]))
    sys.stdout.write(pages[0])


asyncio.run(main())
