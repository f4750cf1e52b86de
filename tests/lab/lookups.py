# SPDX-License-Identifier: BSD-2-Clause
"""The ways in which programs look names up: libc's calls, libraries with a DNS client of their own, DNS tools."""

import dataclasses
import ipaddress
import re

from case import SCRATCH
from programs_events import BUILT, CLIENTS, PYTHON_PACKAGES
from servers import HELLO, MAIL_HOST, NAME
from topology import DESTINATION_IP, DESTINATION_IP6

# An address that has been found must lead to the name's web server.
IP4 = r"(?P<address>\d+\.\d+\.\d+\.\d+)"
IP6 = r"(?P<address>[0-9a-f]+:[0-9a-f]*:[0-9a-f:]*)"
IP = r"(?P<address>[0-9a-f.:]+)"
MAIL, HOST = re.escape(MAIL_HOST), re.escape(NAME)

GETADDRINFO = """
import socket, sys
for family in (socket.AF_INET, socket.AF_INET6):
    print(socket.getaddrinfo(sys.argv[1], 80, family, socket.SOCK_STREAM)[0][4][0])
"""
DNSPYTHON = """
import sys, dns.resolver, dns.reversename
name, kind = sys.argv[1:]
if kind == "PTR": name = dns.reversename.from_address(name)
for record in dns.resolver.resolve(name, kind, lifetime=4): print(record)
"""


@dataclasses.dataclass(frozen=True)
class LookUp:
    """A command, and what it must print. {name} is replaced, and {address} by the address of the name."""

    words: tuple
    answers: tuple            # Regular expressions, each of which must find something in the output.
    label: str = ""           # What it is called, when the words are not enough.
    commands: tuple = ()      # What has to be installed, when it is not the first word.
    is_carried: bool = False  # The real name server is asked, by way of the proxy.

    @property
    def is_reverse(self) -> bool:
        return "{address}" in self.words

    def argv(self, address: str) -> list[str]:
        return [str(word).replace("{name}", NAME).replace("{address}", address) for word in self.words]

    def answers_for(self, address: str) -> list[str]:
        reverse = ipaddress.ip_address(address).reverse_pointer if address else ""
        return [answer.replace("{reverse}", re.escape(reverse)) for answer in self.answers]

    def title(self) -> str:
        words = self.label or " ".join(str(word) for word in self.words)
        return words.replace("{name}", "NAME").replace("{address}", "ADDRESS")

    def needed_commands(self) -> tuple:
        return (*(self.commands or (self.words[0],)), "curl", "getent")


def dnspython(kind: str, what: str, answer: str, **options) -> LookUp:
    return LookUp(("python3", "-c", DNSPYTHON, what, kind), (answer,), f"dnspython's resolve() of {kind}",
                  ("python3", PYTHON_PACKAGES / "dns"), **options)


def node(how: str, what: str, answer: str, **options) -> LookUp:
    return LookUp(("node", CLIENTS / "look_up_node.js", how, what), (answer,), f"node's dns.{how}()", **options)


def libc(how: str, *answers: str) -> LookUp:
    return LookUp((BUILT / "look_up", how, "{name}"), answers, f"libc's {how}()")


def resolver(how: str) -> list[LookUp]:
    """Each of libc's calls that make or send queries."""
    label = f"libc's {how}() of "
    words = (BUILT / "look_up", how, "{name}")
    return [LookUp((*words, "A"), (f"^{IP4}$",), label + "A"), LookUp((*words, "AAAA"), (f"^{IP6}$",), label + "AAAA"),
            LookUp((*words, "MX"), (f"^MX 10 {MAIL}$",), label + "MX", is_carried=True)]


LOOKUPS = [
    LookUp(("getent", "ahosts", "{name}"), (rf"^{IP} +STREAM {HOST}$",)),
    LookUp(("getent", "ahostsv4", "{name}"), (rf"^{IP4} +STREAM {HOST}$",)),
    LookUp(("getent", "ahostsv6", "{name}"), (rf"^{IP6} +STREAM {HOST}$",)),
    LookUp(("getent", "hosts", "{name}"), (rf"^{IP6} +{HOST}$",)),
    LookUp(("getent", "hosts", "{address}"), (rf"^{IP4} +{HOST}$",)),
    LookUp(("dig", "+short", "{name}"), (f"^{IP4}$",)),
    LookUp(("dig", "+short", "{name}", "AAAA"), (f"^{IP6}$",)),
    LookUp(("dig", "+short", "-x", "{address}"), (rf"^{HOST}\.$",)),
    LookUp(("dig", "+short", "{name}", "MX"), (rf"^10 {MAIL}\.$",), is_carried=True),
    LookUp(("dig", "+tcp", "+short", "{name}"), (f"^{IP4}$",), is_carried=True),
    LookUp(("dig", "+tcp", "+short", "{name}", "AAAA"), (f"^{IP6}$",), is_carried=True),
    LookUp(("host", "{name}"), (f"^{HOST} has address {IP4}$", f"^{HOST} has IPv6 address {IP6}$",
                                rf"^{HOST} mail is handled by 10 {MAIL}\.$"), is_carried=True),
    LookUp(("dig", "+short", "-x", DESTINATION_IP), (rf"^{HOST}\.$",), is_carried=True),
    LookUp(("dig", "+short", "-x", DESTINATION_IP6), (rf"^{HOST}\.$",), is_carried=True),
    LookUp(("host", "{address}"), (rf"^{{reverse}} domain name pointer {HOST}\.$",)),
    LookUp(("nslookup", "{name}"), (f"^Name:\t{HOST}\nAddress: {IP4}$", f"^Name:\t{HOST}\nAddress: {IP6}$")),
    LookUp(("nslookup", "{address}"), (rf"^{{reverse}}\tname = {HOST}\.$",)),
    LookUp(("python3", "-c", GETADDRINFO, "{name}"), (f"^{IP4}$", f"^{IP6}$"), "python3's getaddrinfo()"),
    dnspython("A", "{name}", f"^{IP4}$"),
    dnspython("AAAA", "{name}", f"^{IP6}$"),
    dnspython("PTR", "{address}", rf"^{HOST}\.$"),
    dnspython("MX", "{name}", rf"^10 {MAIL}\.$", is_carried=True),
    node("lookup", "{name}", f'^{{"address":"{IP}","family":[46]}}$'),
    node("resolve4", "{name}", rf'^\["{IP4}"\]$'),
    node("resolve6", "{name}", rf'^\["{IP6}"\]$'),
    node("reverse", "{address}", rf'^\["{HOST}"\]$'),
    node("resolveMx", "{name}", rf'^\[{{"exchange":"{MAIL}","priority":10}}\]$', is_carried=True),
    libc("gethostbyname_r", f"^{IP4}$"),
    libc("gethostbyname2_r", f"^{IP6}$"),
    libc("getaddrinfo_a GAI_WAIT", f"^{IP4}$", f"^{IP6}$"),
    libc("getaddrinfo_a GAI_NOWAIT", f"^{IP4}$", f"^{IP6}$"),
    *[each for how in ("res_query", "res_nquery", "res_search", "res_nsearch", "res_querydomain", "res_nquerydomain",
                       "res_send", "res_nsend") for each in resolver(how)],
    # These use what they find, too. Debian's curl looks names up in a thread; it has none with c-ares.
    LookUp(("curl", "-sS", "--max-time", "5", "http://{name}/hello.txt"), (f"^{HELLO}",)),
    LookUp(("sh", "-c", 'aria2c --no-conf -q -t 5 -d "$2" -o hello "$1" && cat "$2/hello"', "sh",
            "http://{name}/hello.txt", SCRATCH), (f"^{HELLO}",), "aria2c with c-ares", ("aria2c",)),
    LookUp(("nmap", "-sT", "-Pn", "-p", "80", "-oG", "-", "{name}"),
           (rf"^Host: {IP4} \({HOST}\)\tPorts: 80/open/tcp",)),
    LookUp(("nmap", "-sT", "-Pn", "-p", "80", "-oG", "-", "{address}"),
           (rf"^Host: {IP4} \({HOST}\)\tPorts: 80/open/tcp",)),
]

LARGE_LOOKUPS = [
    LookUp(("java", CLIENTS / "LookUp.java", "{name}"), (f"^{IP4} {HOST}$",), "Java's InetAddress"),
]
