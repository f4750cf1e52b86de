# SPDX-License-Identifier: BSD-2-Clause
"""Every way in which programs look names up finds what can be used, and the client itself asks nobody.

What only the real name server knows (MX, and whatever is asked over TCP) is carried to it through the proxy; all else
is answered without asking anybody.
"""

import pathlib
import re
import shutil
from collections.abc import Callable

from case import SCRATCH, Case, Lab, expect_success
from cases_calls import VIA_DANTED
from lookups import HOST, LARGE_LOOKUPS, LOOKUPS, LookUp
from programs import program
from programs_events import BUILT, CLIENTS
from report import Skipped, check
from servers import DANTED, HELLO, NAME
from topology import DESTINATION_IP, DESTINATION_IP6, NOBODY_IP, PROXY_OUT_IP, Result

DNS = (DESTINATION_IP, 53)
EVERYTHING_BY_DANTED = f"route {{ from: 0/0 to: 0/0 via: {VIA_DANTED} }}\n"
WAYS = {"socksify": Lab.through, "LD_PRELOAD alone": Lab.preloaded}
# These need not find anything, but must not look around for it.
QUIET = [
    ("getent", "hosts", DESTINATION_IP), ("getent", "networks", NAME),
    *[(BUILT / "look_up", how, NAME) for how in ("getnetbyname", "rcmd_af", "rexec_af", "ruserok_af")],
    (BUILT / "look_up", "getnetbyaddr", DESTINATION_IP),
]
OWN_NETWORKS = pathlib.Path("/etc/networks")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class DantedLog:
    """Where danted has been told to connect since this was made."""

    def __init__(self, lab: Lab):
        self._log = lab.servers["danted"].log
        self._since = self._log.stat().st_size

    def destinations(self) -> set[tuple[str, int]]:
        text = self._log.read_bytes()[self._since:].decode(errors="replace")
        return {(found[1], int(found[2])) for found in re.finditer(r"\): tcp/connect \[.* (\S+)\.(\d+)\n", text)}


def check_destinations(found: set, expected: set) -> None:
    check(found == expected, f"expected danted to connect to {sorted(expected)}, found {sorted(found)}")


def words_of(argv: tuple) -> str:
    return " ".join(pathlib.Path(word).name if str(word).startswith("/") else word for word in argv)


def expect_output(result: Result, status: int, pattern: str, stream: str = "output") -> re.Match:
    """Finds `pattern` in what the program printed."""
    check(result.status == status, f"exit status {result.status}, expected {status}")
    found = re.search(pattern, getattr(result, stream), re.MULTILINE)
    check(found is not None, f"expected something like {pattern!r}, found {getattr(result, stream)!r}")
    return found


def check_leads_to_web(lab: Lab, address: str) -> None:
    """Another process can use what the look-up has found."""
    host = f"[{address}]" if ":" in address else address
    page = lab.through(VIA_DANTED, ["curl", "-sS", "--max-time", "5", f"http://{host}/hello.txt"])
    check(page.output == HELLO, f"{address} does not lead to the web server")


def address_of_name(lab: Lab) -> str:
    return expect_output(lab.through(VIA_DANTED, ["getent", "ahostsv4", NAME]), 0, r"^\S+")[0]


def finds(what: LookUp) -> Callable[[Lab], None]:
    def run(lab: Lab) -> None:
        address = address_of_name(lab) if what.is_reverse else ""
        danted = DantedLog(lab)
        result = lab.through(VIA_DANTED, what.argv(address), deadline_s=15)
        if not lab.is_direct:
            asked = {destination for destination in danted.destinations() if destination[1] == 53}
            check_destinations(asked, {DNS} if what.is_carried else set())
        for answer in what.answers_for(address):
            found = expect_output(result, 0, answer).groupdict()
            if "address" in found:
                check_leads_to_web(lab, found["address"])
    return run


def look_up_cases(look_ups: list[LookUp]) -> list[Case]:
    return [Case(f"names: {what.title()}", finds(what), ("dns", "danted", "web"), what.needed_commands())
            for what in look_ups]


def asks(*argv: str) -> Callable[[Lab], None]:
    """A query to a name server that is not there is answered as any other is."""
    def run(lab: Lab) -> None:
        found = expect_output(lab.through(VIA_DANTED, ["dig", "+short", "+tries=1", *argv, NAME]), 0, r"^\d[\d.]+$")
        check_leads_to_web(lab, found[0])
    return run


def ends(argv: list | tuple, status: int, errors: str) -> Callable[[Lab], None]:
    def run(lab: Lab) -> None:
        expect_output(lab.through(VIA_DANTED, argv), status, errors, "errors")
    return run


def says(argv: list | tuple, status: int, output: str) -> Callable[[Lab], None]:
    def run(lab: Lab) -> None:
        expect_output(lab.through(VIA_DANTED, argv), status, output)
    return run


def sends_nothing(argv: list | tuple) -> Callable[[Lab], None]:
    """By itself the program does ask a name server. Whether it finds something with us is not said here."""
    def run(lab: Lab) -> None:
        own = lab.on_client(argv)
        check(lab.leaks.read().dns >= 1, "without socksify it asks nobody either")
        lab.leaks.reset()
        result = lab.through(VIA_DANTED, argv, deadline_s=10)
        check(result.status in (0, own.status), f"exit status {result.status}, expected {own.status} or 0")
    return run


def finds_own_network(lab: Lab) -> None:
    if not re.search(r"^loopback\s+127\.0\.0\.0", OWN_NETWORKS.read_text() if OWN_NETWORKS.exists() else "", re.M):
        raise Skipped(f"{OWN_NETWORKS} does not name the loopback network")
    for key in ("loopback", "127.0.0.0"):
        expect_output(lab.through(VIA_DANTED, ["getent", "networks", key]), 0, r"^loopback +127\.0\.0\.0$")


def refuses_privileged_ping(lab: Lab) -> None:
    """For a user without rights, whose ping gets them from its file. The build may be out of that user's reach."""
    for file in (lab.socksify, lab.library):
        copy = SCRATCH / file.relative_to(lab.socksify.parent.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    ping = [SCRATCH / "bin" / "socksify", "-p", VIA_DANTED, "--", "ping", "-c1", "-W1", NAME]
    expect_output(lab.on_client([*NOBODY, *ping]), 125,
                  "ping: has file capabilities, and a preload does not cross a gain of privileges$", "errors")


def pings_unprivileged(lab: Lab) -> None:
    """A copy has no file capabilities."""
    shutil.copyfile("/bin/ping", SCRATCH / "ping")
    (SCRATCH / "ping").chmod(0o755)
    expect_output(lab.through(VIA_DANTED, [SCRATCH / "ping", "-c1", "-W1", NAME]), 1, "100% packet loss")


def shares(how: str, database: str) -> Callable[[Lab], None]:
    """One process looks up, another one connects to the address that was printed."""
    def run(lab: Lab) -> None:
        nc = program("nc")
        run_under = WAYS[how]
        found = run_under(lab, EVERYTHING_BY_DANTED, ["getent", database, f"{nc.server}.test"])
        address = expect_output(found, 0, r"^\S+")[0]
        expect_success(run_under(lab, EVERYTHING_BY_DANTED, nc.argv(address, SCRATCH), stdin=nc.stdin), nc)
    return run


def real(protocol: str, name_server: str) -> str:
    return f"resolveprotocol: {protocol}\nnameserver: {name_server}\n{EVERYTHING_BY_DANTED}"


def finds_real(argv: list | tuple, answer: str, *more_destinations) -> Callable[[Lab], None]:
    """The answer is the real one, and one query for it has gone through the proxy."""
    def run(lab: Lab) -> None:
        danted = DantedLog(lab)
        expect_output(lab.through(real("tcp", DESTINATION_IP), argv), 0, answer)
        check_destinations(danted.destinations(), {DNS, *more_destinations})
    return run


def finds_real_by_udp(lab: Lab) -> None:
    found = lab.through(real("udp", DESTINATION_IP), ["getent", "ahostsv4", NAME])
    expect_output(found, 0, f"^{re.escape(DESTINATION_IP)} +STREAM {HOST}$")


def finds_nothing(protocol: str, name_server: str) -> Callable[[Lab], None]:
    """The configured name server is out of reach. The system's is not asked instead, nor the proxy by name."""
    def run(lab: Lab) -> None:
        danted = DantedLog(lab)
        found = lab.through(real(protocol, name_server), ["getent", "ahosts", NAME], deadline_s=10)
        expect_output(found, 2, r"\A\Z")
        check_destinations(danted.destinations(), set())
    return run


def real_cases() -> list[Case]:
    ip4, ip6 = DESTINATION_IP.replace(".", r"\."), DESTINATION_IP6
    look_ups = [
        (("getent", "ahostsv4", NAME), f"^{ip4} +STREAM {HOST}$", ()),
        (("getent", "ahostsv6", NAME), f"^{ip6} +STREAM {HOST}$", ()),
        (("getent", "hosts", NAME), f"^{ip6} +{HOST}$", ()),
        (("getent", "hosts", DESTINATION_IP), f"^{ip4} +{HOST}$", ()),
        (("dig", "+short", NAME), f"^{ip4}$", ()),
        (("node", CLIENTS / "look_up_node.js", "resolve6", NAME), rf'^\["{ip6}"\]$', ()),
        ((BUILT / "look_up", "getaddrinfo_a GAI_NOWAIT", NAME), f"^{ip4}\n{ip6}$", ()),
        (("curl", "-4sS", "--max-time", "5", f"http://{NAME}/hello.txt"), f"^{HELLO}", ((DESTINATION_IP, 80),)),
    ]
    result = [Case(f"names: resolveprotocol tcp: {words_of(argv)}", finds_real(argv, answer, *more),
                   ("dns", "danted", "web"), (argv[0],), frozenset({DANTED})) for argv, answer, more in look_ups]
    result += [
        Case("names: resolveprotocol tcp: the proxy is refused by the name server",
             finds_nothing("tcp", PROXY_OUT_IP), ("dns", "danted"), ("getent",), frozenset({DANTED})),
        Case("names: resolveprotocol udp: by a relay", finds_real_by_udp, ("dns", "danted"), ("getent",),
             frozenset({DANTED})),
    ]
    return result


def direct_cases() -> list[Case]:
    """What is asked for is fair: without socksify, on the proxy's host, all of it succeeds."""
    return look_up_cases(LOOKUPS)


def cases() -> list[Case]:
    result = look_up_cases(LOOKUPS)
    for server in (NOBODY_IP, "127.0.0.53", "2001:db8::53"):
        result.append(Case(f"names: dig NAME @{server}", asks(f"@{server}"), ("danted", "web"), ("dig", "curl"),
                           frozenset({DANTED})))
    result += [
        Case("names: ping finds the address, sends nothing", says(
            ("ping", "-c1", "-W1", NAME), 1, "100% packet loss"), ("danted",), ("ping",), frozenset()),
        Case("names: ping without file capabilities finds the address, sends nothing", pings_unprivileged,
             ("danted",), ("/bin/ping",), frozenset()),
        Case("names: ping with file capabilities is refused", refuses_privileged_ping, (), ("ping", "setpriv"),
             frozenset()),
        Case("names: a static nslookup is refused", ends(
            ("busybox", "nslookup", NAME), 125, "^socksify: busybox: is statically linked, and a preload cannot"),
            (), ("busybox",), frozenset()),
    ]
    result.append(Case("names: the networks of this machine keep their names", finds_own_network, (), ("getent",),
                       frozenset()))
    for argv in QUIET:
        result.append(Case(f"names: {words_of(argv)}: asks nobody", sends_nothing(argv), ("danted",), (argv[0],)))
    for how in WAYS:
        for database in ("hosts", "ahostsv4", "ahostsv6"):
            result.append(Case(f"names: the address by getent {database} used by nc under {how}",
                               shares(how, database), ("danted", "redis"), ("getent", "nc"), frozenset({DANTED})))
    return result + real_cases()


def large_cases() -> list[Case]:
    return look_up_cases(LARGE_LOOKUPS)
