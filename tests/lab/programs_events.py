# SPDX-License-Identifier: BSD-2-Clause
"""Event-driven programs: none of them waits in connect(), but in select, poll or epoll for the connection."""

import hashlib
import pathlib

from programs import Program
from servers import CLOSED_PORT, DATABASE_USER, ECHO_PORT, HELD_HOST, HELLO, RANGES, SCRIPTS
from topology import WORK

CLIENTS = pathlib.Path(__file__).parent / "clients"
BUILT = WORK / "clients"  # A link to what has been built from the sources in CLIENTS.
PYTHON_PACKAGES = pathlib.Path("/usr/lib/python3/dist-packages")
HELLO_URL = "http://{host}/hello.txt"
TWENTY_PAGES = f"20\n{HELLO}"
RANGES_SHA256 = f"{hashlib.sha256(RANGES).hexdigest()}  -\n"


def client(loop: str, *words, how: str = "", needs: tuple = ()) -> list[Program]:
    """A client as clients/README.md describes it: it reaches its server, and it is refused."""
    name = f"{loop} ({how})" if how else loop
    needed = needs or (words[0],)
    arguments = (how,) if how else ()
    return [Program(f"20 connections of {name}", "echo", (*words, "{host}", ECHO_PORT, *arguments), "20\n",
                    commands=needed, connections=20),
            Program(f"20 refused connections of {name}", "echo", (*words, "{host}", CLOSED_PORT, *arguments),
                    "ECONNREFUSED\n", commands=needed, connections=0)]


def clients() -> list[Program]:
    result = []
    for how in ("epoll", "poll", "select"):
        result += client("asyncio", "python3", CLIENTS / "echo_asyncio.py", how=how)
        result += client("Twisted", "python3", CLIENTS / "echo_twisted.py", how=how, needs=("python3", "trial3"))
        result += client("libevent", BUILT / "echo_libevent", how=how)
    return [*result,
            *client("Boost.Asio", BUILT / "echo_asio"),
            *client("node", "node", CLIENTS / "echo_node.js"),
            *client("perl", "perl", CLIENTS / "echo_select.pl"),
            *client("Tcl", "tclsh8.6", CLIENTS / "echo_tcl.tcl")]


PROGRAMS = [
    *clients(),
    Program("curl with 20 transfers", "web", ("curl", "-sS", "--max-time", "20", "--parallel", "--parallel-immediate",
                                              HELLO_URL + "?[1-20]"), HELLO * 20, connections=20),
    Program("aria2c with 8 connections", "web",
            ("sh", "-c", "aria2c -q -x8 -s8 -k1M --no-conf -t 20 -d \"$2\" -o ranges \"$1\" && "
             'sha256sum <"$2/ranges"',
             "sh", "http://{host}/ranges", "{scratch}"), RANGES_SHA256, commands=("aria2c",), connections=8),
    Program("node http.get", "web", ("node", CLIENTS / "fetch_node.js", "http.get", HELLO_URL), TWENTY_PAGES,
            connections=20),
    Program("node fetch", "web", ("node", CLIENTS / "fetch_node.js", "fetch", HELLO_URL), TWENTY_PAGES),
    Program("aiohttp", "web", ("python3", CLIENTS / "fetch_aiohttp.py", HELLO_URL), TWENTY_PAGES,
            commands=("python3", PYTHON_PACKAGES / "aiohttp"), connections=20),
    Program("nginx as a reverse proxy", "web",
            ("sh", CLIENTS / "reverse_proxy.sh", "{host}", "{scratch}"), HELLO * 20, commands=("nginx", "curl"),
            connections=20),
    Program("ab", "web", ("ab", "-q", "-n", "100", "-c", "10", HELLO_URL),
            "Complete requests:      100\nFailed requests:        0\n", keep="^(Complete|Failed) requests",
            connections=100),
    Program("wrk", "web", ("wrk", "-t2", "-c20", "-d1s", "-s", CLIENTS / "errors.lua", HELLO_URL),
            "connect 0, read 0, write 0, status 0, timeout 0; some requests\n", keep="^connect", connections=20),
]

# One connection that gets no answer does not hold up the others.
HELD_PROGRAMS = [
    *[Program(f"asyncio ({how})", "echo",
              ("python3", "-B", CLIENTS / "held_asyncio.py", "{host}", ECHO_PORT, HELD_HOST, how), "20 while held\n",
              connections=20) for how in ("epoll", "poll", "select")],
    Program("node", "echo", ("node", CLIENTS / "held_node.js", "{host}", ECHO_PORT, HELD_HOST), "20 while held\n",
            connections=20),
]

# These need much to install, or long to start.
LARGE_PROGRAMS = [
    *client("Java", "java", CLIENTS / "EchoSelector.java"),
    *client("tokio", BUILT / "echo_tokio"),
    Program("Java HttpClient", "web", ("java", CLIENTS / "HttpFetch.java", HELLO_URL), TWENTY_PAGES, connections=20),
    # Likewise with a DNS client of its own.
    Program("chromium", "web", ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                "--disable-features=AsyncDns", "--user-data-dir={scratch}/profile", "--dump-dom",
                                "http://{host}/scripts.html"), f"{SCRIPTS} scripts\n", keep="scripts$",
            connections=6),
    Program("psql", "database", ("psql", "-X", "-h", "{host}", "-U", DATABASE_USER, "-d", "postgres", "-Atc",
                                 "select 'hello'"), "hello\n"),
    Program("pgbench with 20 clients", "database",
            ("pgbench", "-n", "-h", "{host}", "-U", DATABASE_USER, "-c", "20", "-j", "2", "-t", "5", "-f",
             CLIENTS / "one.sql", "postgres"), "number of transactions actually processed: 100/100\n",
            keep="^number of transactions actually", connections=20),
]

SLOW_PROGRAMS = [
    Program("redis-cli, idle for two minutes", "redis",
            ("sh", "-c", '(echo PING; sleep 125; echo "ECHO again") | redis-cli -h "$1"', "sh", "{host}"),
            "PONG\nagain\n", commands=("redis-cli",)),
]
