# SPDX-License-Identifier: BSD-2-Clause
"""The servers of the lab: the proxies, and what lies behind them."""

import ipaddress
import pathlib
import struct
import subprocess
import sys

from server import Server
from servers_upstreams import UPSTREAM_PORTS, upstream_servers, write_upstream_files
from topology import (DESTINATION_IP, DESTINATION_IP6, NOBODY_IP, PROXY_IP, PROXY_IP6, WORK, Topology, environment,
                      find_command)

HELLO = "hello from behind the proxy\n"
DOWNLOAD_MIB = 100
CLOSED_PORT = 9  # Nothing listens there at the destination.
ECHO_PORT = 7
HELD_HOST = "held.test"  # Nobody answers there.
# The name that everything is asked about: it has an address in each family, and names a mail server, and more.
NAME, MAIL_HOST, ALIAS = "web.both.test", "mail.both.test", "alias.both.test"
NAME_SERVER, SERVICE, SERVICE_PORT, TEXT = "ns.both.test", "_lab._udp.web.both.test", 7, "text of the lab"
DATABASE_PORT, DATABASE_USER = 5432, "lab"

# What download managers fetch in pieces: no two pieces are the same.
RANGES = b"".join(b"%015d\n" % number for number in range(512 * 1024))

# A page that is complete when as many scripts have come, each from a name of its own.
SCRIPTS = 20
SCRIPTS_PAGE = "<!DOCTYPE html>\n" + "".join(
    f'<script src="http://host{number}.test/count.js"></script>\n' for number in range(SCRIPTS)
) + '<body><script>document.body.append(`\\n${window.count} scripts\\n`)</script></body>\n'
COUNT_JS = "window.count = (window.count ?? 0) + 1;\n"

NTP_PORT, IPERF_PORT, DTLS_PORT, QUIC_PORT = 123, 5201, 4433, 4434
FTP_FROM_20_PORT, FTP_FROM_ANY_PORT = 2120, 2121

# Ports of the proxy host.
DANTED, MICROSOCKS, SSH_D, MICROSOCKS_IP6, DEAD, SILENT = 1080, 1081, 1082, 1083, 1084, 1085
PROXY_PORTS = [DANTED, MICROSOCKS, SSH_D, MICROSOCKS_IP6, DEAD, SILENT, *UPSTREAM_PORTS]
RELAY_PORTS = range(40000, 41000)  # Where danted takes datagrams; only danted relays them.

# Packets to these ports find neither an answer nor a refusal, and none comes from there.
SILENT_PORT_RULES = f"""
table inet lab {{
  set silent {{ type inet_service; elements = {{ {SILENT} }} }}
  chain input {{
    type filter hook input priority 0;
    tcp dport @silent drop
  }}
  chain output {{
    type filter hook output priority 0;
    tcp sport @silent drop
  }}
}}
"""

DANTED_CONF = """
logoutput: stderr
internal: {internal} port = {port}
external: to-dest
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 0/0 to: 0/0 log: error }}
socks pass {{
  from: 0/0 to: 0/0
  command: bind connect udpassociate bindreply udpreply
  udp.portrange: {first_relay_port}-{last_relay_port}
  log: connect disconnect error
}}
"""

NGINX_CONF = """
daemon off; user root; worker_processes 1; pid {work}/nginx.pid; error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on;
  client_body_temp_path {work}/nginx-body; proxy_temp_path {work}/nginx-proxy; fastcgi_temp_path {work}/nginx-fastcgi;
  uwsgi_temp_path {work}/nginx-uwsgi; scgi_temp_path {work}/nginx-scgi;
  server {{ listen 80 backlog=4096; listen [::]:80 backlog=4096; root {work}/www; }}
}}
"""

VSFTPD_CONF = """
listen=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={work}/ftp
nopriv_user=nobody
local_enable=NO
secure_chroot_dir={work}/empty
seccomp_sandbox=NO
pasv_enable=YES
port_enable=NO
xferlog_enable=NO
"""

# Servers that connect to their clients: from port 20, as RFC 959 has it, and from any port.
VSFTPD_ACTIVE_CONF = """
listen_ipv6=YES
listen_port={port}
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root={work}/ftp
anon_upload_enable=YES
anon_umask=022
anon_world_readable_only=NO
anon_other_write_enable=YES
write_enable=YES
nopriv_user=nobody
local_enable=NO
secure_chroot_dir={work}/empty
seccomp_sandbox=NO
pasv_enable=NO
port_enable=YES
connect_from_port_20={from_port_20}
xferlog_enable=NO
"""

# What s_server prints, it gets to read and sends back. It is done after one client, because then its socket is still
# connected to that one.
DTLS_SERVER = """
while rm -f "$4" && mkfifo "$4"; do
  openssl s_server -quiet -dtls -listen -naccept 1 -accept "$1" -key "$2" -cert "$3" <>"$4" >"$4"
done
"""

# A database of the run's own. postgres refuses to run as root.
DATABASE = """
chown postgres {work}/database && cd {work}/database &&
exec setpriv --reuid postgres --regid postgres --clear-groups sh -c '
  "$1/initdb" --no-sync --no-locale -A trust -U "$2" -D data &&
  echo "host all all 0.0.0.0/0 trust" >>data/pg_hba.conf &&
  exec "$1/postgres" -D data -F -p "$3" -c listen_addresses="$4" -c unix_socket_directories=' \
  sh "$1" "$2" "$3" "$4"
"""


def sshd(name: str, host: str, listen: str) -> Server:
    argv = ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", WORK / "host_key", "-o", f"ListenAddress={listen}",
            "-o", f"AuthorizedKeysFile={WORK}/user_key.pub", "-o", "StrictModes=no", "-o", "UsePAM=no",
            "-o", "PermitRootLogin=prohibit-password", "-o", f"PidFile={WORK}/{name}.pid"]
    return Server(name, host, ("sshd", "ssh-keygen"), 22, argv)


def ssh(*words: str) -> list:
    """The ssh client, told to read nothing of the caller's and to ask nothing."""
    return ["ssh", "-F", "none", "-i", WORK / "user_key", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", *words]


def database() -> Server:
    """Debian keeps postgres out of the PATH, below its version."""
    programs = next(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), pathlib.Path("/usr/lib/postgresql/bin"))
    return Server("database", "destination", (str(programs / "postgres"), str(programs / "initdb")), DATABASE_PORT,
                  ["sh", "-c", DATABASE.format(work=WORK), "sh", programs, DATABASE_USER, DATABASE_PORT,
                   DESTINATION_IP], on_demand=True)


def reverse_name(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer


def wire_name(name: str) -> bytes:
    """A name as DNS messages have it (RFC 1035, section 3.1)."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def records() -> list[str]:
    """dnsmasq's options for what else there is about NAME. For some kinds it wants the bytes."""
    soa = wire_name(NAME_SERVER) + wire_name("admin.both.test") + struct.pack("!5I", 1, 2, 3, 4, 5)
    return [f"--mx-host={NAME},{MAIL_HOST},10", f"--txt-record={NAME},{TEXT}",
            f"--srv-host={SERVICE},{NAME},{SERVICE_PORT},1,2", f"--dns-rr={NAME},2,{wire_name(NAME_SERVER).hex()}",
            f"--dns-rr={ALIAS},5,{wire_name(NAME).hex()}", f"--dns-rr={NAME},6,{soa.hex()}",
            *[f"--ptr-record={reverse_name(address)},{NAME}" for address in (DESTINATION_IP, DESTINATION_IP6)]]


def datagram_servers() -> list[Server]:
    here = pathlib.Path(__file__).parent
    return [
        Server("ntp", "destination", (), NTP_PORT, [sys.executable, "-B", here / "ntp_server.py", NTP_PORT],
               is_udp=True),
        Server("iperf3", "destination", ("iperf3",), IPERF_PORT, ["iperf3", "-s", "-p", IPERF_PORT]),
        Server("dtls", "destination", ("openssl",), DTLS_PORT,
               ["sh", "-c", DTLS_SERVER, "sh", f"{DESTINATION_IP}:{DTLS_PORT}", WORK / "tls_key", WORK / "tls_cert",
                WORK / "dtls.fifo"], is_udp=True),
        Server("quic", "destination", ("gtlsserver", "openssl"), QUIC_PORT,
               ["gtlsserver", "-q", "-d", WORK / "www", DESTINATION_IP, QUIC_PORT, WORK / "tls_key", WORK / "tls_cert"],
               is_udp=True),
    ]


def active_ftp(name: str, port: int) -> Server:
    return Server(name, "destination", ("vsftpd",), port, ["vsftpd", WORK / f"vsftpd-{port}.conf"])


def all_servers() -> list[Server]:
    here = pathlib.Path(__file__).parent
    return [
        Server("dns", "destination", ("dnsmasq",), 53,
               ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
                "--pid-file=", "--log-queries", "--log-facility=-", "--local=/#/",
                f"--address=/test/{DESTINATION_IP}", f"--address=/six.test/{DESTINATION_IP6}",
                f"--address=/{HELD_HOST}/{NOBODY_IP}", f"--address=/both.test/{DESTINATION_IP}",
                f"--address=/both.test/{DESTINATION_IP6}", *records()]),
        Server("web", "destination", ("nginx",), 80, ["nginx", "-c", WORK / "nginx.conf"]),
        Server("ftp", "destination", ("vsftpd",), 21, ["vsftpd", WORK / "vsftpd.conf"]),
        active_ftp("ftp from port 20", FTP_FROM_20_PORT),
        active_ftp("ftp from any port", FTP_FROM_ANY_PORT),
        Server("redis", "destination", ("redis-server",), 6379,
               ["redis-server", "--bind", DESTINATION_IP, "--protected-mode", "no", "--save", "", "--dir", WORK]),
        database(),
        Server("echo", "destination", (), ECHO_PORT, [sys.executable, "-B", here / "echo_server.py", ECHO_PORT]),
        *datagram_servers(),
        sshd("sshd", "destination", DESTINATION_IP),
        sshd("sshd-on-proxy", "proxy", "127.0.0.1"),
        Server("danted", "proxy", ("danted",), DANTED,
               ["danted", "-f", WORK / "danted.conf", "-p", WORK / "danted.pid"], ("dns",)),
        Server("microsocks", "proxy", ("microsocks",), MICROSOCKS, ["microsocks", "-i", PROXY_IP, "-p", MICROSOCKS],
               ("dns",)),
        Server("ssh -D", "proxy", ("ssh",), SSH_D,
               ssh("-N", "-o", "ExitOnForwardFailure=yes", "-D", f"{PROXY_IP}:{SSH_D}", "root@127.0.0.1"),
               ("dns", "sshd-on-proxy")),
        Server("microsocks-ip6", "proxy", ("microsocks",), MICROSOCKS_IP6,
               ["microsocks", "-i", PROXY_IP6, "-p", MICROSOCKS_IP6], ("dns",)),
        *upstream_servers(),
    ]


class Servers:
    """All servers, started. One that cannot run says why; the cases that need it ask."""

    def __init__(self, topology: Topology):
        self._by_name = {server.name: server for server in all_servers()}
        self._write_files()
        self._topology = topology
        topology.proxy.must("nft -f -", stdin=SILENT_PORT_RULES)
        for server in self._by_name.values():
            if not server.on_demand:
                self._start(server, getattr(topology, server.host))

    def __getitem__(self, name: str) -> Server:
        return self._by_name[name]

    def require(self, name: str) -> str | None:
        """Starts a server that has waited for being needed. Returns why the server does not run, if it does not."""
        server = self[name]
        if server.on_demand:
            server.on_demand = False
            self._start(server, getattr(self._topology, server.host))
        return server.problem

    def kill(self, name: str) -> None:
        self[name].kill()

    def start(self, name: str) -> None:
        """Starts a server again that was killed."""
        self[name].start(getattr(self._topology, self[name].host))

    def silence(self, port: int) -> None:
        """The network to this port of the proxy host is dead, as of now."""
        self._topology.proxy.must(f"nft add element inet lab silent {{ {port} }}")

    def end_silence(self, port: int) -> None:
        self._topology.proxy.must(f"nft delete element inet lab silent {{ {port} }}")

    def _start(self, server: Server, host) -> None:
        for needed in server.needs:
            if self[needed].problem is not None:
                server.problem = self[needed].problem
                return
        server.start(host)

    @staticmethod
    def _write_files() -> None:
        for folder in ("www", "ftp", "empty", "database"):
            (WORK / folder).mkdir()
        (WORK / "danted.conf").write_text(DANTED_CONF.format(
            internal=PROXY_IP, port=DANTED, first_relay_port=RELAY_PORTS[0], last_relay_port=RELAY_PORTS[-1]))
        write_upstream_files()
        (WORK / "nginx.conf").write_text(NGINX_CONF.format(work=WORK))
        (WORK / "vsftpd.conf").write_text(VSFTPD_CONF.format(work=WORK))
        for port, from_port_20 in ((FTP_FROM_20_PORT, "YES"), (FTP_FROM_ANY_PORT, "NO")):
            (WORK / f"vsftpd-{port}.conf").write_text(
                VSFTPD_ACTIVE_CONF.format(work=WORK, port=port, from_port_20=from_port_20))
        (WORK / "ftp" / "in").mkdir()
        (WORK / "ftp" / "in").chmod(0o777)
        for folder in ("www", "ftp"):
            (WORK / folder / "hello.txt").write_text(HELLO)
        (WORK / "www" / "ranges").write_bytes(RANGES)
        (WORK / "www" / "scripts.html").write_text(SCRIPTS_PAGE)
        (WORK / "www" / "count.js").write_text(COUNT_JS)
        with open(WORK / "www" / "download", "wb") as download:
            download.truncate(DOWNLOAD_MIB * 1024 * 1024)
        if find_command("ssh-keygen"):
            for key in ("host_key", "user_key"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", WORK / key], check=True)
        if find_command("openssl"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", WORK / "tls_key", "-out", WORK / "tls_cert", "-subj", f"/CN={NAME}"],
                           check=True, stderr=subprocess.DEVNULL)
        if find_command("git"):
            _write_repository()


def _write_repository() -> None:
    """A repository with one file, served as files (git's dumb http)."""
    source, bare = WORK / "repository", WORK / "www" / "repository.git"
    script = f"""
        git -c init.defaultBranch=main init -q {source} && cd {source} && cp {WORK}/www/hello.txt . &&
        git add hello.txt && git -c user.name=lab -c user.email=lab@localhost commit -qm hello &&
        git clone -q --bare {source} {bare} && git -C {bare} update-server-info"""
    subprocess.run(["sh", "-c", script], check=True, env=environment())
