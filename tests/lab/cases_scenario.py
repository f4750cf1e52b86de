# SPDX-License-Identifier: BSD-2-Clause
"""The files of examples/scenario in its network: what each notation can say works, and what it cannot is refused."""

import dataclasses
import pathlib
from collections.abc import Callable

from case import SOCKSIFY_LOG, Case, Lab
from report import Failed, check
from scenario import BRANCH, D1, FAR_NAME, INT1, INT2, INTRANET, SITE, SITE_NAME, Scenario

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "scenario"
COMMANDS = ("curl", "danted", "dnsmasq", "nginx")


@dataclasses.dataclass(frozen=True)
class Notation:
    """A file, and what becomes of a connection with it: the host that the client asks, or None if it is refused."""

    file: str
    private_net: str | None           # www.private-net.org
    gateways: frozenset               # of the internet that are used while both work
    has_users: bool = True            # So the gateways let it pass.
    is_blocked_here: bool = True      # What is not HTTP does not get as far as the gateways.
    asks_names: bool = False          # The company's name server is asked for names of the internet.
    variables: tuple = ()


BOTH = frozenset({INT1, INT2})
NOTATIONS = [
    Notation("scenario.conf", D1, BOTH),
    Notation("socks.conf", None, frozenset({INT1}), has_users=False, asks_names=True),
    Notation("libsocks5.conf", None, frozenset({INT1}), is_blocked_here=False,
             variables=(("SOCKS5_FAKEALLHOSTS", "yes"),)),
    Notation("socks.cnf", None, BOTH, asks_names=True),
]

_scenario: Scenario | None = None


def scenario() -> Scenario:
    """The network is made for the first case that needs it."""
    global _scenario
    if _scenario is None:
        _scenario = Scenario()
    problem = _scenario.problem()
    if problem is not None:
        raise Failed(problem)
    return _scenario


class Run:
    """One file in the network."""

    def __init__(self, lab: Lab, notation: Notation):
        self.network = scenario()
        self.network.begin()
        self._lab = lab
        self._notation = notation

    def fetch(self, url: str):
        command = [self._lab.socksify, "--log", SOCKSIFY_LOG, "-f", FOLDER / self._notation.file, "--",
                   "curl", "-sS", "--max-time", "20", url]
        result = self.network.client.run(command, extra_env=self.network.environment() | dict(self._notation.variables))
        self._lab.results.append(result)
        return result

    def expect(self, url: str, page: str, asked: set) -> None:
        """The page comes, and the client has connected to one of these."""
        self.network.begin()
        result = self.fetch(url)
        check(result.status == 0 and result.output == f"this is {page}\n", f"{url} does not come")
        self.expect_sent(url, asked)

    def expect_many(self, count: int) -> set:
        """So many times a page of the internet. Returns the gateways that were used."""
        used = set()
        for _ in range(count):
            self.expect(f"http://{SITE_NAME}/", "site", self._notation.gateways)
            used |= self.network.sent().asked
        return used

    def expect_refused(self, url: str, asked: set) -> None:
        self.network.begin()
        result = self.fetch(url)
        check(result.status not in (0, None) and result.output == "", f"{url} is not refused")
        self.expect_sent(url, asked)

    def expect_sent(self, url: str, asked: set) -> None:
        sent = self.network.sent()
        check(sent.stray == 0, f"{url}: {sent.stray} stray packets")
        check(sent.asked <= asked and bool(sent.asked) == bool(asked),
              f"{url}: expected connections to {sorted(asked)}, found {sorted(sent.asked)}")
        check(self._notation.asks_names or sent.dns == 0, f"{url}: {sent.dns} DNS queries")


def everywhere(notation: Notation) -> Callable[[Lab], None]:
    def run(lab: Lab) -> None:
        run = Run(lab, notation)
        run.expect(f"http://{INTRANET}/", "intranet", {INTRANET})
        run.expect(f"http://{BRANCH}/", "branch", {D1})
        if notation.file == "scenario.conf":
            run.expect(f"http://{FAR_NAME}/", "far", {D1})
        else:
            # d1 does not pass it on, and SOCKS 4.2 looks for an address of it here.
            run.expect_refused(f"http://{FAR_NAME}/", set() if notation.file == "socks.conf" else {D1})
        if not notation.has_users:
            run.expect_refused(f"http://{SITE}/", BOTH)
            run.expect_refused(f"http://{SITE_NAME}/", set())
        else:
            used = run.expect_many(4)
            if used != notation.gateways:  # They are drawn.
                used |= run.expect_many(40)
            check(used == notation.gateways, f"{sorted(used)} have been used of {sorted(notation.gateways)}")
            run.expect(f"http://{SITE}/", "site", notation.gateways)
        run.expect_refused(f"http://{SITE}:8080/", set() if notation.is_blocked_here else BOTH)
    return run


def gateway_dies(notation: Notation) -> Callable[[Lab], None]:
    def run(lab: Lab) -> None:
        run = Run(lab, notation)
        run.network.kill("int1")
        try:
            asked = set()
            for _ in range(40):
                run.expect(f"http://{SITE_NAME}/", "site", BOTH)
                asked |= run.network.sent().asked
                if INT1 in asked:
                    break
            check(INT1 in asked, "nobody has noticed that int1 is gone")
            run.expect(f"http://{SITE}/", "site", {INT2})  # Now all know.
        finally:
            run.network.start("int1")
    return run


def leaks_are_seen(lab: Lab) -> None:
    """Without socksify the packets of one and the query of the other are counted."""
    network = scenario()
    network.begin()
    lab.results.append(network.client.run(["curl", "-sS", f"http://{SITE}/"]))
    check(network.sent().stray > 0, "a packet has left the client unseen")
    lab.results.append(network.client.run(["getent", "hosts", FAR_NAME]))
    check(network.sent().dns > 0, "a DNS query has left the client unseen")


def cases() -> list[Case]:
    result = [Case("the scenario without socksify: leaks are seen", leaks_are_seen, commands=COMMANDS)]
    for notation in NOTATIONS:
        result.append(Case(f"the scenario by {notation.file}: what it can say, and nothing else", everywhere(notation),
                           commands=COMMANDS))
        if notation.has_users:
            result.append(Case(f"the scenario by {notation.file}: int1 is killed", gateway_dies(notation),
                               commands=COMMANDS))
    return result
