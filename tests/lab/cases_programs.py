# SPDX-License-Identifier: BSD-2-Clause
"""Every program, by name and by address, through every proxy and every protocol that the proxy speaks."""

from case import SCRATCH, Case, Lab, expect_success
from programs import PROGRAMS, Program, program
from report import check
from servers import DANTED, MICROSOCKS, MICROSOCKS_IP6, SSH_D
from topology import DESTINATION_IP, DESTINATION_IP6, PROXY_IP, PROXY_IP6

PROXIES = {"danted": DANTED, "microsocks": MICROSOCKS, "ssh -D": SSH_D}

IP4_SOCKET = """
import socket
connection = socket.socket(socket.AF_INET)
connection.connect(("%s", 7))
connection.sendall(b"hello\\n")
print(connection.recv(6).decode(), connection.family.name, connection.getpeername())
""" % DESTINATION_IP


def reaches(what: Program, host: str, url: str):
    def run(lab: Lab) -> None:
        expect_success(lab.through(url, what.argv(host, SCRATCH), stdin=what.stdin), what)
    return run


def case_through(what: Program, proxy: str, protocol: str, host: str, how: str) -> Case:
    port = PROXIES[proxy]
    return Case(f"{what.name} {how} through {proxy} ({protocol})",
                reaches(what, host, f"{protocol}://{PROXY_IP}:{port}"), servers=(proxy, what.server),
                commands=what.needed_commands(), asked=frozenset({port}))


def name_by_socks4(lab: Lab) -> None:
    """SOCKS 4 carries no names. The connection fails; the name is not looked up and nothing goes direct."""
    result = lab.through(f"socks4://{PROXY_IP}:{DANTED}", program("curl").argv("web.test", SCRATCH))
    check(result.status != 0, "a name went through a protocol that has none")
    check(result.output == "", f"expected no output, found {result.output!r}")


def ip4_socket(lab: Lab) -> None:
    result = lab.through(f"socks5://[{PROXY_IP6}]:{MICROSOCKS_IP6}", [*program("python3 urllib").words[:2], IP4_SOCKET])
    check(result.status == 0, f"exit status {result.status}, expected 0")
    expected = f"hello\n AF_INET ('{DESTINATION_IP}', 7)\n"
    check(result.output == expected, f"expected {expected!r}, found {result.output!r}")


def chain(lab: Lab) -> None:
    configuration = f"""
        server first {{ address: socks5://{PROXY_IP}:{DANTED} }}
        server second {{ address: socks5://{PROXY_IP}:{MICROSOCKS} }}
        route {{ from: 0/0 to: 0/0 via: first then second }}
    """
    expect_success(lab.through(configuration, program("curl").argv("web.test", SCRATCH)), program("curl"))


def cases() -> list[Case]:
    result = []
    for proxy in PROXIES:
        for what in PROGRAMS:
            result.append(case_through(what, proxy, "socks5", f"{what.server}.test", "by name"))
            result.append(case_through(what, proxy, "socks5", DESTINATION_IP, "by address"))
        result.append(case_through(program("curl"), proxy, "socks5", f"[{DESTINATION_IP6}]", "by IPv6 address"))
        result.append(case_through(program("python3 urllib"), proxy, "socks5", "web.six.test",
                                   "by a name with IPv6 only"))
    for what in (program("curl"), program("python3 urllib"), program("nc")):
        result.append(case_through(what, "danted", "socks4", DESTINATION_IP, "by address"))
        result.append(case_through(what, "ssh -D", "socks4", DESTINATION_IP, "by address"))
        result.append(case_through(what, "ssh -D", "socks4a", DESTINATION_IP, "by address"))
        result.append(case_through(what, "ssh -D", "socks4a", f"{what.server}.test", "by name"))
    result.append(Case("curl by name through danted (socks4): refused, no leak", name_by_socks4, ("danted", "web"),
                       ("curl",)))
    result.append(Case("a chain of danted and microsocks", chain, ("danted", "microsocks", "web"), ("curl",),
                       frozenset({DANTED})))
    result.append(Case("an IPv4 socket through a proxy that has only IPv6", ip4_socket, ("microsocks-ip6", "echo"),
                       (), frozenset({MICROSOCKS_IP6})))
    return result
