# SPDX-License-Identifier: BSD-2-Clause
"""Unusual ways to reach a destination. What can be proxied arrives; what cannot fails, and sends nothing."""

import sys

from case import Case, Lab
from report import check
from servers import DANTED, HELLO, MICROSOCKS, MICROSOCKS_IP6
from topology import CLIENT_IP, DESTINATION_IP, DESTINATION_IP6, PROXY_IP, PROXY_IP6, WORK

VIA_DANTED = f"socks5://{PROXY_IP}:{DANTED}"
VIA_MICROSOCKS = f"socks5://{PROXY_IP}:{MICROSOCKS}"
VIA_IP6 = f"socks5://[{PROXY_IP6}]:{MICROSOCKS_IP6}"
MAPPED_IP = f"::ffff:{DESTINATION_IP}"

# A datagram, sent in one of several ways; prints what came of it.
DATAGRAM = """
import errno, socket, sys
family, how, address, port = socket.AddressFamily[sys.argv[1]], sys.argv[2], sys.argv[3], int(sys.argv[4])
datagram = socket.socket(family, socket.SOCK_DGRAM)
try:
    if how == "sendto":
        datagram.sendto(b"x", (address, port))
    elif how == "sendmsg":
        datagram.sendmsg([b"x"], [], 0, (address, port))
    elif how == "after a direct connect":
        datagram.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        datagram.sendto(b"x", (address, port))
    else:
        datagram.connect((address, port))
        datagram.send(b"x")
    print("sent")
except OSError as error:
    print(errno.errorcode[error.errno])
"""
FAST_OPEN = """
import socket, sys
connection = socket.socket(socket.AddressFamily[sys.argv[1]])
connection.sendto(b"GET /hello.txt\\r\\n", socket.MSG_FASTOPEN, (sys.argv[2], 80))
sys.stdout.write(connection.makefile().read())
"""
THREADS = """
import concurrent.futures, urllib.request
def fetch(number): return urllib.request.urlopen(f"http://host{number}.test/hello.txt", timeout=20).read()
with concurrent.futures.ThreadPoolExecutor(20) as pool: print(sum(len(page) > 0 for page in pool.map(fetch, range(40))))
"""
ASYNCIO = """
import asyncio
async def echo(number):
    reader, writer = await asyncio.open_connection("echo.test", 7)
    writer.write(b"%d\\n" % number)
    line = await reader.readline()
    writer.close()
    return int(line) == number
async def main(): print(sum(await asyncio.gather(*[echo(number) for number in range(20)])))
asyncio.run(main())
"""
# The parent looks the name up; the child connects to what it found.
FORK = """
import os, socket
address = socket.gethostbyname("echo.test")
if os.fork() == 0:
    connection = socket.create_connection((address, 7))
    connection.sendall(b"hello\\n")
    print(connection.recv(6).decode(), end="", flush=True)
    os._exit(0)
os.wait()
"""


def prints(where: str, argv: list, expected: str):
    def run(lab: Lab) -> None:
        result = lab.through(where, argv)
        check(result.output == expected, f"expected the output {expected!r}, found {result.output!r}")
    return run


def python(script: str, *arguments) -> list:
    return [sys.executable, "-c", script, *arguments]


def datagrams() -> list[Case]:
    result = []
    for family, address in (("AF_INET", DESTINATION_IP), ("AF_INET6", DESTINATION_IP6), ("AF_INET6", MAPPED_IP),
                            ("AF_INET", "echo.test")):
        for how in ("sendto", "sendmsg", "connect and send", "after a direct connect"):
            # The kernel sends nothing to another host from the loopback address (EINVAL), with a proxy or without.
            is_stuck = how == "after a direct connect" and family == "AF_INET"
            result.append(Case(f"a datagram to {address} by {how}", prints(
                VIA_DANTED, python(DATAGRAM, family, how, address, 9999), "EINVAL\n" if is_stuck else "sent\n"),
                ("danted",), (), frozenset({DANTED})))
    result.append(Case("a datagram to a name server that is no query: lost",
                       prints(VIA_DANTED, python(DATAGRAM, "AF_INET", "sendto", DESTINATION_IP, 53), "sent\n"),
                       asked=frozenset()))
    return result


def cases() -> list[Case]:
    curl = ["curl", "-sS", "--max-time", "20"]
    result = datagrams()
    for family, address in (("AF_INET", DESTINATION_IP), ("AF_INET6", DESTINATION_IP6), ("AF_INET6", MAPPED_IP)):
        result.append(Case(f"sendto with MSG_FASTOPEN to {address}", prints(
            VIA_DANTED, python(FAST_OPEN, family, address), HELLO), ("danted", "web"), (), frozenset({DANTED})))
    for name, options in (("bound to an address", ["--interface", CLIENT_IP]),
                          ("bound to a port", ["--local-port", "20000-20100"]), ("with fast open", ["--tcp-fastopen"])):
        result.append(Case(f"curl {name}", prints(VIA_DANTED, [*curl, *options, "http://web.test/hello.txt"], HELLO),
                           ("danted", "web"), ("curl",), frozenset({DANTED})))
    parallel = [*curl, "-Z", "-o", "/dev/null", "-w", "%{http_code}\n", "http://web.test/hello.txt?[1-20]"]
    git_ssh = f"ssh -F none -i {WORK}/user_key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    result += [
        Case("curl with 20 connections at once", prints(VIA_MICROSOCKS, parallel, "200\n" * 20),
             ("microsocks", "web"), ("curl",), frozenset({MICROSOCKS})),
        Case("curl with 20 connections at once through a proxy that has only IPv6",
             prints(VIA_IP6, parallel, "200\n" * 20), ("microsocks-ip6", "web"), ("curl",),
             frozenset({MICROSOCKS_IP6})),
        Case("python3 with 20 threads and 40 names", prints(VIA_MICROSOCKS, python(THREADS), "40\n"),
             ("microsocks", "web"), (), frozenset({MICROSOCKS})),
        Case("python3 asyncio with 20 connections", prints(VIA_MICROSOCKS, python(ASYNCIO), "20\n"),
             ("microsocks", "echo"), (), frozenset({MICROSOCKS})),
        Case("a name looked up before fork(), used after it", prints(VIA_DANTED, python(FORK), "hello\n"),
             ("danted", "echo"), (), frozenset({DANTED})),
        Case("git ls-remote, which starts ssh", prints(
            VIA_DANTED, ["sh", "-c", f"GIT_SSH_COMMAND='{git_ssh}' git ls-remote -h root@sshd.test:{WORK}/repository "
                         "| cut -f2"], "refs/heads/main\n"), ("danted", "sshd"), ("git", "ssh"), frozenset({DANTED})),
    ]
    return result
