# SPDX-License-Identifier: BSD-2-Clause
"""Three hosts, each a network and mount namespace of its own:

    client 10.209.1.2 ---- 10.209.1.1 proxy 10.209.2.1 ---- 10.209.2.2 destination
      fd09:1::2              fd09:1::1    fd09:2::1            fd09:2::2

The namespaces are anonymous: each is held by one process, and goes with it, so there are no names that two runs
could fight over and nothing to clean up. The links' names exist inside the namespaces only.

The client has a default route, because a packet without a route would never be seen by the leak counter; but the
proxy forwards nothing. Its name server is the destination, which it can reach through a proxy only.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

# Inside the run's own mount namespace /run is an empty tmpfs, which also hides the sockets of the machine's own
# resolver daemons (nscd, systemd-resolved): they would answer for a name without a packet in sight.
RUN = pathlib.Path("/run")
WORK = RUN / "lab"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CLIENT_IP, PROXY_IP, PROXY_OUT_IP, DESTINATION_IP = "10.209.1.2", "10.209.1.1", "10.209.2.1", "10.209.2.2"
CLIENT_IP6, PROXY_IP6, PROXY_OUT_IP6, DESTINATION_IP6 = "fd09:1::2", "fd09:1::1", "fd09:2::1", "fd09:2::2"
NOBODY_IP = "10.209.2.3"  # Would be in the destination's network, if it were.
HOSTS = ("client", "proxy", "destination")

TOOLS = ("ip", "nft", "nsenter", "mount", "sysctl", "dnsmasq")


def find_command(name: str | pathlib.Path) -> str | None:
    """Where a command is. A path stands for itself, if it leads to something, be it a command or not."""
    if pathlib.Path(name).is_absolute():
        return str(name) if pathlib.Path(name).exists() else None
    return shutil.which(name, path=PATH)


@dataclasses.dataclass
class Result:
    """What a program did: its exit status (None when the deadline ended it), output and error output."""

    argv: list[str]
    status: int | None
    output: str
    errors: str

    def __str__(self) -> str:
        status = "ran out of time" if self.status is None else f"ended with {self.status}"
        lines = [f"$ {' '.join(self.argv)}", f"  {status}"]
        lines += [f"  stdout: {line}" for line in self.output.splitlines()[-20:]]
        lines += [f"  stderr: {line}" for line in self.errors.splitlines()[-20:]]
        return "\n".join(lines)


class Host:
    """One namespace. Its processes see a resolv.conf and nsswitch.conf of their own."""

    def __init__(self, name: str, name_server: str = DESTINATION_IP):
        self.name = name
        resolv_conf = WORK / f"resolv.conf.{name}"
        resolv_conf.write_text(f"nameserver {name_server}\noptions timeout:1 attempts:1\n")
        script = (
            'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && '
            "ip link set lo up && echo ready && exec sleep infinity"
        )
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", script, "sh", resolv_conf, WORK / "nsswitch.conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self._holder.stdout.readline() != "ready\n":
            raise RuntimeError(f"cannot set up the namespace of the {name}")
        if (namespaces := os.environ.get("CONTAINED_NAMESPACES")) is not None:
            with open(namespaces, "a") as list_of_all:
                print(os.readlink(f"/proc/{self.pid}/ns/net"), file=list_of_all)

    @property
    def pid(self) -> int:
        return self._holder.pid

    def enter(self, argv: list) -> list[str]:
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--"] + [str(word) for word in argv]

    def spawn(self, argv: list, log: pathlib.Path) -> subprocess.Popen:
        """Starts a server; what it prints goes to `log`."""
        with open(log, "ab") as output:
            return subprocess.Popen(self.enter(argv), env=environment(), stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=output, start_new_session=True)

    def run(self, argv: list, *, extra_env: dict | None = None, stdin: str = "", deadline_s: float = 30) -> Result:
        """Runs a program to its end. The environment is the lab's own, not the caller's."""
        words = [str(word) for word in argv]
        process = subprocess.Popen(self.enter(words), env=environment() | (extra_env or {}), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                                   start_new_session=True)
        try:
            output, errors = process.communicate(stdin, timeout=deadline_s)
            return Result(words, process.returncode, output, errors)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, errors = process.communicate()
            return Result(words, None, output, errors)

    def must(self, command: str, stdin: str = "") -> str:
        """Runs a command that sets up the host; fails the run if it fails."""
        result = self.run(command.split(), stdin=stdin)
        if result.status != 0:
            raise RuntimeError(f"on the {self.name}:\n{result}")
        return result.output

    def is_listening(self, port: int, is_udp: bool = False) -> bool:
        """Whether a TCP socket listens on `port`, or a UDP socket that is not connected has it. The kernel's table is
        read, so that no server sees a probe."""
        protocol, listening = ("udp", "07") if is_udp else ("tcp", "0A")
        for table in (protocol, f"{protocol}6"):
            lines = pathlib.Path(f"/proc/{self.pid}/net/{table}").read_text().splitlines()[1:]
            for fields in (line.split() for line in lines):
                if fields[3] == listening and int(fields[1].rpartition(":")[2], 16) == port:
                    return True
        return False


def environment() -> dict:
    return {"PATH": PATH, "HOME": str(WORK / "home"), "LANG": "C.UTF-8", "SOCKSIFY_STATE_DIR": str(WORK / "state")}


def prepare_work_folder() -> None:
    """Empties /run for this mount namespace, and puts there what servers and programs expect."""
    resolv_conf = pathlib.Path("/etc/resolv.conf").resolve()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "lab", RUN], check=True)
    for folder in (WORK, WORK / "home", RUN / "sshd", RUN / "lock"):
        folder.mkdir(parents=True)
    if not resolv_conf.exists():  # A link to /run, mostly.
        resolv_conf.parent.mkdir(parents=True, exist_ok=True)
        resolv_conf.touch()
    (WORK / "nsswitch.conf").write_text(
        "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n")
    _unlock_root()


def _unlock_root() -> None:
    """sshd lets nobody into a locked account, whatever the key: in this mount namespace root's is not locked."""
    shadow = WORK / "shadow"
    shadow.touch(mode=0o600)
    shadow.write_text(re.sub(r"(?m)^root:!", "root:*", pathlib.Path("/etc/shadow").read_text()))
    subprocess.run(["mount", "--bind", shadow, "/etc/shadow"], check=True)


class Topology:
    def __init__(self):
        prepare_work_folder()
        self.client, self.proxy, self.destination = (Host(name) for name in HOSTS)
        for host in (self.client, self.proxy, self.destination):
            host.must("sysctl -q -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 "
                      "net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0")
        self._link(self.client, "to-proxy", (CLIENT_IP, CLIENT_IP6), self.proxy, "to-client", (PROXY_IP, PROXY_IP6))
        self._link(self.proxy, "to-dest", (PROXY_OUT_IP, PROXY_OUT_IP6),
                   self.destination, "to-proxy", (DESTINATION_IP, DESTINATION_IP6))
        self.client.must(f"ip route add default via {PROXY_IP}")
        self.client.must(f"ip -6 route add default via {PROXY_IP6}")

    @staticmethod
    def _link(host: Host, name: str, addresses: tuple, peer: Host, peer_name: str, peer_addresses: tuple) -> None:
        host.must(f"ip link add {name} type veth peer name {peer_name} netns {peer.pid}")
        for end, device, (ip, ip6) in ((host, name, addresses), (peer, peer_name, peer_addresses)):
            end.must(f"ip addr add {ip}/24 dev {device}")
            end.must(f"ip addr add {ip6}/64 dev {device} nodad")
            end.must(f"ip link set {device} up")
