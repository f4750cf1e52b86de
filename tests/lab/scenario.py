# SPDX-License-Identifier: BSD-2-Clause
"""The network of examples/scenario, each host in a namespace of its own, and each network a bridge:

    company 10.0.0.0/8            client, intranet, int1, int2, d1
    internet 203.0.113.0/24       int1, int2, site
    subsidiary 192.168.100.0/24   d1, p1, branch
    private-net 172.31.0.0/24     p1, far

All proxies are danted, since it alone can be told what to refuse. int1 and int2 want alice's password, and pass HTTP
alone; d1 and p1 pass what leads to the next network. Of the name servers, the company's knows the company's names, the
site's those of the internet, and that of `far` the names of .private-net.org, which p1 alone can ask.
"""

import dataclasses
import pathlib

from server import Server
from servers import NGINX_CONF
from servers_upstreams import PASSWORD, PASSWORD_HASH, USER
from topology import WORK, Host

CLIENT, INTRANET, INT1, INT2, D1 = "10.0.1.2", "10.0.5.1", "10.0.3.1", "10.0.3.2", "10.0.4.1"
SITE, BRANCH, P1, FAR = "203.0.113.80", "192.168.100.80", "192.168.100.2", "172.31.0.80"
SITE_NAME, FAR_NAME, INTRANET_NAME = "www.site.example", "www.private-net.org", "www.company.example"
SOCKS, DNS = 1080, 53
CREDENTIALS = "".join(f"machine {gateway} login {USER} password {PASSWORD}\n" for gateway in (INT1, INT2))

# By host: its addresses by network, and its name server.
HOSTS = {
    "client": ({"company": f"{CLIENT}/8"}, INTRANET),
    "intranet": ({"company": f"{INTRANET}/8"}, INTRANET),
    "int1": ({"company": f"{INT1}/8", "internet": "203.0.113.1/24"}, SITE),
    "int2": ({"company": f"{INT2}/8", "internet": "203.0.113.2/24"}, SITE),
    "site": ({"internet": f"{SITE}/24"}, SITE),
    "d1": ({"company": f"{D1}/8", "subsidiary": "192.168.100.1/24"}, INTRANET),
    "branch": ({"subsidiary": f"{BRANCH}/24"}, BRANCH),
    "p1": ({"subsidiary": f"{P1}/24", "private": "172.31.0.1/24"}, FAR),
    "far": ({"private": f"{FAR}/24"}, FAR),
}

DANTED_CONF = """
logoutput: stderr
internal: {internal} port = 1080
external: {external}
clientmethod: none
socksmethod: {method}
user.privileged: root
user.unprivileged: nobody
client pass {{ from: {clients} to: 0/0 }}
socks pass {{
  from: {clients} to: {to}
  command: connect
  log: connect error
}}
"""
# By host: where it listens and sends, what it wants to know, for whom, and to where.
DANTEDS = {
    "int1": (INT1, "internet", "username", "10.0.0.0/8", "0/0 port = http"),
    "int2": (INT2, "internet", "username", "10.0.0.0/8", "0/0 port = http"),
    "d1": (D1, "subsidiary", "none", "10.0.0.0/8", "192.168.100.0/24"),
    "p1": (P1, "private", "none", "192.168.100.0/24", ".private-net.org"),
}
NAMES = {"intranet": (INTRANET_NAME, INTRANET), "site": (SITE_NAME, SITE), "far": (FAR_NAME, FAR)}
WEB = ("intranet", "site", "branch", "far")

# What leaves the client: for the proxies; for the company; for its name server; and what must not.
RULES = f"""
table inet scenario {{
  counter stray {{ }}
  counter dns {{ }}
  set asked {{ type ipv4_addr; flags dynamic; }}
  chain output {{
    type filter hook output priority 0; policy accept;
    oifname "lo" accept
    icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report }} accept
    ip daddr {{ {INT1}, {INT2}, {D1} }} tcp dport {SOCKS} tcp flags & (syn | ack) == syn update @asked {{ ip daddr }}
    ip daddr {{ {INT1}, {INT2}, {D1} }} tcp dport {SOCKS} accept
    ip daddr {INTRANET} tcp dport 80 update @asked {{ ip daddr }} accept
    ip daddr {INTRANET} udp dport {DNS} counter name dns accept
    counter name stray
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}
}}
"""


@dataclasses.dataclass
class Sent:
    """What has left the client."""

    asked: set[str]  # The hosts that it has connected to, proxies and direct ones.
    dns: int
    stray: int


class Scenario:
    def __init__(self):
        self._folder = WORK / "scenario"
        self._folder.mkdir()
        switch = Host("switch")
        self.hosts = {name: Host(f"scenario-{name}", server) for name, (_, server) in HOSTS.items()}
        for network in ("company", "internet", "subsidiary", "private"):
            switch.must(f"ip link add {network} type bridge")
            switch.must(f"ip link set {network} up")
        self._keep = switch
        for name, host in self.hosts.items():
            for network, address in HOSTS[name][0].items():
                self._plug(switch, host, name, network, address)
        self.client = self.hosts["client"]
        self.client.must(f"ip route add default via {INT1}")
        self.client.must("nft -f -", stdin=RULES)
        self._write_files()
        self.servers = {server.name: server for server in self._servers()}
        for server in self.servers.values():
            server.start(self.hosts[server.host])

    @staticmethod
    def _plug(switch: Host, host: Host, name: str, network: str, address: str) -> None:
        port = f"{network[:4]}-{name}"
        host.must(f"ip link add {network} type veth peer name {port} netns {switch.pid}")
        host.must(f"ip addr add {address} dev {network}")
        host.must(f"ip link set {network} up")
        switch.must(f"ip link set {port} master {network} up")

    def _write_files(self) -> None:
        config = self._folder / "config" / "socksify"
        config.mkdir(parents=True)
        (config / "credentials").touch(mode=0o600)
        (config / "credentials").write_text(CREDENTIALS)
        for name, (internal, external, method, clients, to) in DANTEDS.items():
            (self._folder / f"{name}.conf").write_text(DANTED_CONF.format(
                internal=internal, external=external, method=method, clients=clients, to=to))
        for name in WEB:
            (self._folder / name / "www").mkdir(parents=True)
            (self._folder / name / "www" / "index.html").write_text(f"this is {name}\n")
            (self._folder / name / "nginx.conf").write_text(NGINX_CONF.format(work=self._folder / name))
        # The gateways look alice up as a user of their machines.
        for file, line in (("passwd", f"{USER}:x:4242:4242::/nonexistent:/bin/false\n"),
                           ("shadow", f"{USER}:{PASSWORD_HASH}:19000:0:99999:7:::\n")):
            (self._folder / file).touch(mode=0o600 if file == "shadow" else 0o644)
            (self._folder / file).write_text(pathlib.Path("/etc", file).read_text() + line)
            for gateway in ("int1", "int2"):
                self.hosts[gateway].must(f"mount --bind {self._folder / file} /etc/{file}")

    def _servers(self) -> list[Server]:
        return [
            *[Server(f"dns of {name}", name, ("dnsmasq",), DNS,
                     ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                      "--user=root", "--pid-file=", "--log-queries", "--log-facility=-", "--local=/#/",
                      f"--host-record={known},{address}"]) for name, (known, address) in NAMES.items()],
            *[Server(f"web of {name}", name, ("nginx",), 80, ["nginx", "-c", self._folder / name / "nginx.conf"])
              for name in WEB],
            *[Server(name, name, ("danted",), SOCKS,
                     ["danted", "-f", self._folder / f"{name}.conf", "-p", self._folder / f"{name}.pid"])
              for name in DANTEDS],
        ]

    def environment(self) -> dict:
        return {"XDG_CONFIG_HOME": str(self._folder / "config")}

    def problem(self) -> str | None:
        """Why the network is not whole."""
        return next((f"{server.problem}\n{server.log_tail()}" for server in self.servers.values()
                     if server.problem is not None), None)

    def begin(self) -> None:
        self.client.must("nft -f -", stdin="reset counters table inet scenario\nflush set inet scenario asked\n")

    def kill(self, name: str) -> None:
        self.servers[name].kill()

    def start(self, name: str) -> None:
        self.servers[name].start(self.hosts[name])

    def sent(self) -> Sent:
        def count(name: str) -> int:
            return int(self.client.must(f"nft list counter inet scenario {name}").split("packets ")[1].split()[0])
        elements = self.client.must("nft list set inet scenario asked").partition("elements = {")[2]
        asked = {word.strip() for word in elements.partition("}")[0].split(",") if word.strip()}
        return Sent(asked, count("dns"), count("stray"))
