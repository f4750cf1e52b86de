# SPDX-License-Identifier: BSD-2-Clause
"""Programs that are connected to, by a peer behind danted, which listens for them (BIND)."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from case import SCRATCH, SOCKSIFY_LOG, Case, Lab
from cases_calls import VIA_DANTED, VIA_MICROSOCKS, prints, python
from programs_events import BUILT, CLIENTS
from programs_ftp import BACK, BY_IP6_NAME, COMMANDS, FTP_CLIENTS, SENT, SIZES, contents
from report import check
from servers import DANTED, DEAD, FTP_FROM_20_PORT, FTP_FROM_ANY_PORT, MICROSOCKS
from topology import DESTINATION_IP, DESTINATION_IP6, PROXY_IP, WORK

FTP_SERVERS = {"ftp from port 20": FTP_FROM_20_PORT, "ftp from any port": FTP_FROM_ANY_PORT}
ACCEPTED = 50

# Starts a server that listens on the loopback interface, and prints the first line that a page of it has.
ON_LOOPBACK = """
import socket, subprocess, sys, time, urllib.request
port, path, *server = sys.argv[1:]
process = subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
for _ in range(1000):
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", int(port))) == 0: break
    time.sleep(0.01)
print(urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5).readline().decode().strip())
process.kill()
"""
# Listens, and prints where: here, if it can connect to itself. Or the error.
LISTEN = """
import errno, os, socket
before = os.listdir("/proc/self/fd")
listener = socket.socket()
try:
    listener.listen()
    connection = socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=5)
    print("here" if listener.accept()[1] == connection.getsockname() else "not here")
except OSError as error:
    print(errno.errorcode[error.errno])
listener.close()
assert "connection" in globals() or os.listdir("/proc/self/fd") == before
"""
# Its proxy is killed once it has told in a file that it listens.
ACCEPT_ONE = """
import errno, os, socket, sys
before = os.listdir("/proc/self/fd")
listener = socket.socket()
listener.listen()
os.close(os.open(sys.argv[1], os.O_CREAT))
try:
    listener.accept()
except OSError as error:
    print(errno.errorcode[error.errno])
listener.close()
print("none lost" if os.listdir("/proc/self/fd") == before else os.listdir("/proc/self/fd"))
"""


def requests_in(danted_log: pathlib.Path, since: int) -> list[str]:
    """What danted has been asked for since its log was `since` bytes long, and the ports that asked."""
    text = danted_log.read_bytes()[since:].decode(errors="replace")
    return re.findall(r"\): tcp/(connect|bind) \[: [0-9.]+\.([0-9]+) ", text)


def bound_through(danted_log: pathlib.Path, since: int) -> int:
    """How many peers have come to danted since its log was `since` bytes long."""
    text = danted_log.read_bytes()[since:].decode(errors="replace")
    return len(re.findall(r"\): tcp/bindreply \[", text))


# What curl says when the server's "226 Transfer complete" overtakes, in a busy proxy whose processes relay one connection
# each, the word that the server has come for the data. Nobody but the proxy could keep the order, and only curl minds.
OVERTAKEN = "Ctrl conn has data while waiting for data conn"
MOST_OVERTAKEN = 3


def transfers_actively(client, host: str, port: int, is_ip6: bool):
    def transfer(lab: Lab):
        for folder in (SENT, BACK):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        for file in (WORK / "ftp" / "in").iterdir():
            file.unlink()
        for name in SIZES:
            (SENT / name).write_bytes(contents(name))
        argv, stdin = client(host, port, is_ip6)
        return lab.through(VIA_DANTED, argv, stdin=stdin)

    def run(lab: Lab) -> None:
        there = WORK / "ftp" / "in"
        log = lab.servers["danted"].log
        for _ in range(1 + MOST_OVERTAKEN):
            since = log.stat().st_size
            result = transfer(lab)
            if OVERTAKEN not in result.errors:
                break
        check(result.status == 0, f"exit status {result.status}, expected 0")
        for name in SIZES:
            for where, file in (("at the server", there / name), ("back", BACK / name)):
                check(file.exists(), f"the file {name} is not {where}")
                check(file.read_bytes() == contents(name), f"the file {name} is not whole {where}")
        found = bound_through(log, since)
        check(found == 2 * len(SIZES), f"expected {2 * len(SIZES)} peers at danted, found {found}")
    return run


def ftp_cases() -> list[Case]:
    result = []
    for name, client in FTP_CLIENTS.items():
        for server, port in FTP_SERVERS.items():
            for host, how in (("ftp.test", "by name"), (DESTINATION_IP, "by address"),
                              (DESTINATION_IP6, "by IPv6 address"), ("ftp.six.test", "by a name with IPv6 only")):
                if host.endswith("six.test") and name not in BY_IP6_NAME:
                    continue
                run = transfers_actively(client, host, port, "IPv6" in how)
                result.append(Case(f"inbound: {name} {how}, {server}", run, ("danted", server), COMMANDS[name],
                                   frozenset({DANTED})))
    return result


def listening_by(proxy: str) -> str:
    """Servers are meant to listen there only where the route says so."""
    return f"route {{ from: 0/0 to: 0/0 via: {proxy} command: connect bind }}\n"


def accepts(server: list):
    """The server sees each peer as it is, though the proxy hands them over one by one."""
    def run(lab: Lab) -> None:
        told, log = SCRATCH / "told", SCRATCH / "peers"
        peer = lab.topology.destination.spawn([sys.executable, CLIENTS / "connect_many.py", ACCEPTED, told], log)
        result = lab.through(listening_by(VIA_DANTED), [*server, ACCEPTED, told], deadline_s=10)
        try:
            peer.wait(5)
        except subprocess.TimeoutExpired:
            peer.kill()
        peers = log.read_text().splitlines()
        check(result.status == 0, f"exit status {result.status}, expected 0; the peers: {peers[-3:]}")
        expected = "".join(f"{each} {each}\n" for each in peers)
        check(result.output == expected, f"expected {expected!r}, found {result.output!r}")
        check(len(peers) == ACCEPTED, f"expected {ACCEPTED} peers to be served, found {len(peers)}")
    return run


def server_cases() -> list[Case]:
    c_server, python_server = BUILT / "accept_many", CLIENTS / "accept_many.py"
    return [
        *[Case(f"inbound: a server in C, {how}", accepts([c_server, how]), ("danted",), (str(c_server),),
               frozenset({DANTED})) for how in ("accept", "accept4", "poll", "epoll")],
        *[Case(f"inbound: a server in Python, {how}", accepts([sys.executable, python_server, how]), ("danted",), (),
               frozenset({DANTED})) for how in ("accept", "epoll", "asyncio")],
    ]


def connects_from(port: int, argv: list, stdin: str = ""):
    """A port that the program has chosen is that of its connection to the proxy, which is asked to connect alone."""
    def run(lab: Lab) -> None:
        log = lab.servers["danted"].log
        since = log.stat().st_size
        result = lab.through(VIA_DANTED, argv, stdin=stdin)
        check(result.status == 0, f"exit status {result.status}, expected 0")
        found = requests_in(log, since)
        check(found == [("connect", str(port))], f"expected one connection from port {port} at danted, found {found}")
    return run


def cannot_listen(lab: Lab) -> None:
    """The program has the errno, which Python calls ENOTSUP; the log says why, and which proxy it was."""
    result = lab.through(listening_by(VIA_MICROSOCKS), python(LISTEN))
    log = SOCKSIFY_LOG.read_text()
    check(result.output == "ENOTSUP\n", f"expected ENOTSUP, found {result.output!r}")
    reason = rf"{PROXY_IP}:{MICROSOCKS}.*: EOPNOTSUPP, command not supported by the proxy"
    check(re.search(reason, log) is not None,
          f"expected the log to name the proxy and the reason, found {log!r}")


def proxy_is_killed(lab: Lab) -> None:
    told, configuration = SCRATCH / "told", SCRATCH / "danted.conf"
    configuration.write_text((WORK / "danted.conf").read_text().replace(f"port = {DANTED}", f"port = {DEAD}"))
    proxy = lab.topology.proxy.spawn(["danted", "-f", configuration, "-p", SCRATCH / "danted.pid"], SCRATCH / "log")

    def kill() -> None:
        wait_for(told.exists)
        os.killpg(proxy.pid, signal.SIGKILL)
        proxy.wait()

    wait_for(lambda: lab.topology.proxy.is_listening(DEAD))
    killer = threading.Thread(target=kill)
    killer.start()
    result = lab.through(listening_by(f"socks5://{PROXY_IP}:{DEAD}"), python(ACCEPT_ONE, told), deadline_s=10)
    killer.join()
    expected = "ECONNABORTED\nnone lost\n"
    check(result.output == expected, f"expected {expected!r}, found {result.output!r}")


def wait_for(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def local_only(lab: Lab) -> None:
    result = lab.through(listening_by(VIA_DANTED), python(LISTEN), extra_env={"SOCKS_BINDLOCALONLY": "yes"})
    check(result.output == "here\n", f"expected the program to listen here, found {result.output!r}")


def other_cases() -> list[Case]:
    http_server = python(ON_LOOPBACK, 8000, "", sys.executable, "-m", "http.server", "--bind", "127.0.0.1", 8000)
    inspector = python(ON_LOOPBACK, 9229, "json/version", "node", "--inspect", "-")
    curl = ["curl", "-sS", "--max-time", "20", "--local-port", "20200", f"http://{DESTINATION_IP}/hello.txt"]
    return [
        Case("inbound: http.server on loopback stays here", prints(VIA_DANTED, http_server, "<!DOCTYPE HTML>\n"),
             ("danted",), (), frozenset()),
        Case("inbound: node --inspect on loopback stays here", prints(VIA_DANTED, inspector, "{\n"), ("danted",),
             ("node",), frozenset()),
        Case("inbound: curl --local-port", connects_from(20200, curl), ("danted", "web"), ("curl",),
             frozenset({DANTED})),
        Case("inbound: nc -p", connects_from(20201, ["nc", "-w", "20", "-p", "20201", DESTINATION_IP, "6379"],
                                             "PING\nQUIT\n"), ("danted", "redis"), ("nc",), frozenset({DANTED})),
        Case("inbound: a proxy without BIND", cannot_listen, ("microsocks",), (), frozenset({MICROSOCKS})),
        Case("inbound: the proxy is killed before a peer comes", proxy_is_killed, ("danted",), (), frozenset({DEAD})),
        Case("inbound: SOCKS_BINDLOCALONLY", local_only, ("danted",), (), frozenset()),
        Case("inbound: a server that no route names listens here", prints(VIA_DANTED, python(LISTEN), "here\n"),
             ("danted",), (), frozenset()),
    ]


def cases() -> list[Case]:
    return ftp_cases() + server_cases() + other_cases()
