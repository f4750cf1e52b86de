# SPDX-License-Identifier: BSD-2-Clause
"""An exported LD_PRELOAD and SOCKS_CONF, without the launcher, as in a shell that stays open."""

from case import SCRATCH, Case, Lab, expect_success
from cases_programs import PROXIES
from programs import Program, program
from topology import DESTINATION_IP, PROXY_IP


def via(proxy: str) -> str:
    return f"route {{ from: 0/0 to: 0/0 via: socks5://{PROXY_IP}:{PROXIES[proxy]} }}\n"


def reaches(what: Program, host: str, proxy: str):
    def run(lab: Lab) -> None:
        expect_success(lab.preloaded(via(proxy), what.argv(host, SCRATCH), stdin=what.stdin), what)
    return run


def cases() -> list[Case]:
    result = []
    for proxy, port in PROXIES.items():
        for what in (program("curl"), program("wget"), program("python3 urllib")):
            for how, host in (("by name", f"{what.server}.test"), ("by address", DESTINATION_IP)):
                result.append(Case(f"{what.name} {how} under LD_PRELOAD alone through {proxy}",
                                   reaches(what, host, proxy), (proxy, what.server), what.needed_commands(),
                                   frozenset({port})))
    return result
