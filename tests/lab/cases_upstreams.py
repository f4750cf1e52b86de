# SPDX-License-Identifier: BSD-2-Clause
"""Chains of real servers of several protocols, HTTP proxies that want credentials, and lists of proxychains."""

import sys

from case import SCRATCH, Case, Lab, expect_success
from programs import program
from report import check
from servers import DANTED, DEAD, MICROSOCKS, SSH_D
from servers_upstreams import LAST, LAST_NAME, PASSWORD, SQUID, SQUID_DIGEST, TINYPROXY, USER
from topology import DESTINATION_IP, DESTINATION_IP6, PROXY_IP

CURL = program("curl")
# A blocking connect() by the first address that the name has.
BLOCKING = """
import socket, sys
host = sys.argv[1]
connection = socket.create_connection((host, 80), 20)
connection.settimeout(None)
connection.sendall(f"GET /hello.txt HTTP/1.0\\r\\nHost: {host}\\r\\n\\r\\n".encode())
sys.stdout.write(connection.makefile().read().partition("\\n\\n")[2])
"""
HTTP = {"tinyproxy": TINYPROXY, "squid basic": SQUID, "squid digest": SQUID_DIGEST}

SERVERS = f"""
server danted    {{ address: socks5://{PROXY_IP}:{DANTED} }}
server tinyproxy {{ address: http://{PROXY_IP}:{TINYPROXY}  username: {USER}  password: {PASSWORD} }}
server ssh       {{ address: socks4a://{PROXY_IP}:{SSH_D} }}
server last      {{ address: socks5://{PROXY_IP}:{LAST} }}
"""
EVERY_PROTOCOL = ("danted", "tinyproxy", "ssh", "last")
PORTS = {"danted": DANTED, "tinyproxy": TINYPROXY, "ssh": SSH_D, "last": LAST}
NAMES = {"ssh": "ssh -D"}  # As the lab's servers are called, where it differs.


def chain(servers: tuple, host: str, argv: list):
    def run(lab: Lab) -> None:
        configuration = SERVERS + f"route {{ from: 0/0 to: 0/0 via: {' then '.join(servers)} }}\n"
        expect_success(lab.through(configuration, [str(word).replace("{host}", host) for word in argv]), CURL)
    return run


def chain_cases() -> list[Case]:
    result = []
    for how, argv in (("non-blocking", CURL.words), ("blocking", (sys.executable, "-c", BLOCKING, "{host}"))):
        for servers, host in ((EVERY_PROTOCOL, LAST_NAME), (EVERY_PROTOCOL[::-1], "web.test"),
                              (EVERY_PROTOCOL[::-1], DESTINATION_IP)):
            needed = tuple(NAMES.get(name, name) for name in servers)
            result.append(Case(f"a chain {' then '.join(needed)}, {how}, to {host}", chain(servers, host, argv),
                               (*needed, "web"), ("curl",), frozenset({PORTS[servers[0]]})))
    for first in EVERY_PROTOCOL[:-1]:
        result.append(Case(f"the name of the chain's end is unknown to {first}", unknown_to(first),
                           (NAMES.get(first, first), "web"), ("curl",), frozenset({PORTS[first]})))
    return result


def unknown_to(server: str):
    def run(lab: Lab) -> None:
        result = lab.through(SERVERS + f"route {{ from: 0/0 to: 0/0 via: {server} }}\n", CURL.argv(LAST_NAME, SCRATCH))
        check(result.status not in (0, None) and result.output == "", "the name has become an address")
    return run


def http(name: str, host: str, credentials: str, method: str = ""):
    def run(lab: Lab) -> None:
        where = f"server proxy {{ address: http://{PROXY_IP}:{HTTP[name]} {credentials} {method} }}\n"
        expect_success(lab.through(where + "route { from: 0/0 to: 0/0 via: proxy }\n", CURL.argv(host, SCRATCH)), CURL)
    return run


def http_refuses(name: str, credentials: str):
    """curl sees a connection that may not be made (EACCES)."""
    def run(lab: Lab) -> None:
        where = f"server proxy {{ address: http://{PROXY_IP}:{HTTP[name]} {credentials} }}\n"
        result = lab.through(where + "route { from: 0/0 to: 0/0 via: proxy }\n", CURL.argv("web.test", SCRATCH))
        check(result.status == 7, f"curl's exit status is {result.status}, expected 7: cannot connect")
    return run


def http_cases() -> list[Case]:
    good = f"username: {USER}  password: {PASSWORD}"
    bad = f"username: {USER}  password: not-{PASSWORD}"
    result = []
    for name, port in HTTP.items():
        for how, host in (("name", "web.test"), ("address", DESTINATION_IP), ("IPv6 address", f"[{DESTINATION_IP6}]")):
            result.append(Case(f"curl by {how} through {name} (http)", http(name, host, good), (name, "web"),
                               ("curl",), frozenset({port})))
        for what, credentials in (("a wrong password", bad), ("no password", "")):
            result.append(Case(f"{name} (http) refuses {what}", http_refuses(name, credentials), (name, "web"),
                               ("curl",), frozenset({port})))
    result.append(Case("curl through squid digest (http), which is told no password", http(
        "squid digest", "web.test", good, "method: digest"), ("squid digest", "web"), ("curl",),
        frozenset({SQUID_DIGEST})))
    return result


def proxychains(kind: str, lines: list[str]):
    def run(lab: Lab) -> None:
        text = f"{kind}\nproxy_dns\ntcp_connect_time_out 2000\n[ProxyList]\n" + "".join(f"{line}\n" for line in lines)
        expect_success(lab.through(text, CURL.argv("web.test", SCRATCH)), CURL)
        expect_success(lab.through(text, CURL.argv(DESTINATION_IP, SCRATCH)), CURL)
    return run


def proxychains_cases() -> list[Case]:
    dead = f"socks5 {PROXY_IP} {DEAD}"
    danted, microsocks = f"socks5 {PROXY_IP} {DANTED}", f"socks5 {PROXY_IP} {MICROSOCKS}"
    tinyproxy = f"http {PROXY_IP} {TINYPROXY} {USER} {PASSWORD}"
    servers = ("danted", "microsocks", "tinyproxy", "web")
    return [
        Case("proxychains.conf: strict_chain", proxychains("strict_chain", [danted, tinyproxy, microsocks]), servers,
             ("curl",), frozenset({DANTED})),
        Case("proxychains.conf: dynamic_chain whose first proxy is dead",
             proxychains("dynamic_chain", [dead, tinyproxy, microsocks]), servers, ("curl",),
             frozenset({DEAD, TINYPROXY})),
        Case("proxychains.conf: dynamic_chain whose second proxy is dead",
             proxychains("dynamic_chain", [danted, dead, microsocks]), servers, ("curl",), frozenset({DANTED})),
        Case("proxychains.conf: random_chain",
             proxychains("random_chain\nchain_len = 2", [danted, tinyproxy, microsocks]), servers, ("curl",)),
    ]


def cases() -> list[Case]:
    return chain_cases() + http_cases() + proxychains_cases()
