# SPDX-License-Identifier: BSD-2-Clause
"""The columns of the table: programs without a proxy, with SOCKS of their own, and under each preload.

A peer is configured for one proxy at a time, by files and variables of its own. All are told to be quiet, to take
fake addresses where they can, and to keep their hands off no address but those of loopback.
"""

import dataclasses
import pathlib
import zlib
from collections.abc import Callable

from topology import WORK, find_command

DIRECT, NATIVE = "direct", "native"
CONFIGURATIONS = WORK / "peers"
LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")


@dataclasses.dataclass(frozen=True)
class Proxy:
    host: str
    port: int
    protocol: str = "socks5"  # Or "socks4a".
    options: str = ""         # What socksify's configuration says of this server besides.

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Peer:
    """`library` is what goes into LD_PRELOAD, and `launcher` the command before a program; both are none where the
    program does without. `configure` returns the variables that send everything to a proxy."""

    name: str
    library: pathlib.Path | None = None
    launcher: tuple[str, ...] = ()
    configure: Callable[[Proxy], dict[str, str]] = lambda _proxy: {}
    problem: str | None = None  # Why there is nothing to measure.

    @property
    def is_preload(self) -> bool:
        return self.name not in (DIRECT, NATIVE)

    def preload(self, proxy: Proxy) -> list[str]:
        """Assignments that put a program under the library alone."""
        return [f"LD_PRELOAD={self.library}", *self.variables(proxy)]

    def variables(self, proxy: Proxy) -> list[str]:
        return [f"{name}={value}" for name, value in self.configure(proxy).items()]


def _write(name: str, text: str) -> str:
    CONFIGURATIONS.mkdir(exist_ok=True)
    file = CONFIGURATIONS / f"{name}-{zlib.crc32(text.encode()):08x}.conf"
    file.write_text(text)
    return str(file)


def _socksify(proxy: Proxy) -> dict[str, str]:
    if not proxy.options:
        return {"SOCKSIFY_PROXY": f"{proxy.protocol}://{proxy}"}
    return {"SOCKS_CONF": _write("socksify", f"""
server proxy {{
  address: {proxy.protocol}://{proxy}
  {proxy.options}
}}
route {{ from: 0/0 to: 0/0 via: proxy }}
""")}


def _dante(proxy: Proxy) -> dict[str, str]:
    conf = _write("dante", f"""
logoutput: /dev/null
resolveprotocol: fake
route {{
  from: 0.0.0.0/0 to: 0.0.0.0/0 via: {proxy.host} port = {proxy.port}
  proxyprotocol: {"socks_v4" if proxy.protocol == "socks4a" else "socks_v5"}
}}
""")
    # Otherwise it takes every network that the machine has an address in for its own LAN.
    return {"SOCKS_CONF": conf, "SOCKS_AUTOADD_LANROUTES": "no"}


def _proxychains(proxy: Proxy) -> dict[str, str]:
    kind = "socks4" if proxy.protocol == "socks4a" else "socks5"
    conf = _write("proxychains", f"strict_chain\nquiet_mode\nproxy_dns\nlocalnet 127.0.0.0/255.0.0.0\n"
                                 f"[ProxyList]\n{kind} {proxy.host} {proxy.port}\n")
    return {"PROXYCHAINS_CONF_FILE": conf, "PROXYCHAINS_QUIET_MODE": "1"}


def _torsocks(proxy: Proxy) -> dict[str, str]:
    conf = _write("torsocks", f"TorAddress {proxy.host}\nTorPort {proxy.port}\nAllowOutboundLocalhost 1\n")
    return {"TORSOCKS_CONF_FILE": conf, "TORSOCKS_LOG_LEVEL": "1"}


def _tsocks(proxy: Proxy) -> dict[str, str]:
    # The proxy has to be local: it refuses one that it would reach through itself.
    version = 4 if proxy.protocol == "socks4a" else 5
    conf = _write("tsocks", f"local = 127.0.0.0/255.0.0.0\nlocal = {proxy.host}/255.255.255.255\n"
                            f"server = {proxy.host}\nserver_port = {proxy.port}\nserver_type = {version}\n")
    return {"TSOCKS_CONF_FILE": conf}


def _installed(name: str, library: str, launcher: str, options: tuple[str, ...],
               configure: Callable[[Proxy], dict[str, str]]) -> Peer:
    found = next((path for folder in (LIBRARIES, pathlib.Path("/usr/lib")) for path in sorted(folder.glob(library))),
                 None)
    command = find_command(launcher)
    problem = None if found and command else "not installed"
    return Peer(name, found, (command or launcher, *options), configure, problem)


def all_peers(build: pathlib.Path) -> list[Peer]:
    installed = build / "installed"
    ours = next(installed.glob("lib/**/libsocksify.so"))
    return [
        Peer(DIRECT),
        Peer(NATIVE),
        Peer("socksify", ours, (str(installed / "bin" / "socksify"), "--"), _socksify),
        # Debian's own program of our name: by its path, since ours may have been installed before it.
        _installed("Dante", "libdsocksd.so.0", "/usr/bin/socksify", (), _dante),
        _installed("proxychains-ng", "libproxychains.so.4", "proxychains4", (), _proxychains),
        _installed("torsocks", "torsocks/libtorsocks.so", "torsocks", (), _torsocks),
        _installed("tsocks", "libtsocks.so", "tsocks", (), _tsocks),
    ]
