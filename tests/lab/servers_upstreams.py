# SPDX-License-Identifier: BSD-2-Clause
"""More servers on the proxy host: HTTP proxies, and such as cases kill or cut off."""

import hashlib

from server import Server
from topology import DESTINATION_IP, PROXY_IP, WORK

USER, PASSWORD, REALM = "alice", "s3cret", "lab"
# What `openssl passwd -6 -salt lab s3cret` says, as password files have it.
PASSWORD_HASH = ("$6$lab$gYRQU.tlw34CKqt9TWSLAVO9AbT/AfTvaLDBVy5KgvhyUJ.QepJoT"
                 "3Tig8xG5amNyYF4XM0QVWHz8l.5ZRhH//")

TINYPROXY, SQUID, SQUID_DIGEST, LAST, FIRST_OF_THREE = 1086, 1087, 1088, 1089, 1090
THREE = {f"microsocks {number}": FIRST_OF_THREE + number - 1 for number in (1, 2, 3)}
UPSTREAM_PORTS = [TINYPROXY, SQUID, SQUID_DIGEST, LAST, *THREE.values()]

LAST_NAME = "only.last.example"  # A name that the server `last` alone knows.

# Every user has to give a password, by Basic.
TINYPROXY_CONF = f"""
User nobody
Group nogroup
Listen {PROXY_IP}
Port {TINYPROXY}
Timeout 60
MaxClients 100
LogLevel Connect
BasicAuth {USER} {PASSWORD}
"""

SQUID_CONF = """
http_port {ip}:{port}
visible_hostname lab
cache_effective_user proxy
pid_filename none
access_log none
cache_log {work}/squid-{port}.log
netdb_filename none
cache deny all
shutdown_lifetime 0 seconds
auth_param {scheme} program {helper} {work}/squid-{port}.users
auth_param {scheme} children 1
auth_param {scheme} realm {realm}
acl users proxy_auth REQUIRED
http_access allow users
http_access deny all
"""
# By scheme: the port, the helper that knows the passwords, and its file.
SQUIDS = {
    "basic": (SQUID, "/usr/lib/squid/basic_ncsa_auth", f"{USER}:{PASSWORD_HASH}\n"),
    "digest": (SQUID_DIGEST, "/usr/lib/squid/digest_file_auth -c",
               f"{USER}:{REALM}:" + hashlib.md5(f"{USER}:{REALM}:{PASSWORD}".encode()).hexdigest() + "\n"),
}

# In a mount namespace of its own.
KNOWS_A_NAME = 'mount --bind "$1" /etc/hosts && exec microsocks -i "$2" -p "$3"'


def microsocks(name: str, port: int) -> Server:
    return Server(name, "proxy", ("microsocks",), port, ["microsocks", "-i", PROXY_IP, "-p", port], ("dns",))


def squid(scheme: str) -> Server:
    port = SQUIDS[scheme][0]
    return Server(f"squid {scheme}", "proxy", ("squid",), port,
                  ["squid", "-N", "-n", f"lab{scheme}", "-f", WORK / f"squid-{port}.conf"], ("dns",), on_demand=True)


def upstream_servers() -> list[Server]:
    return [
        Server("tinyproxy", "proxy", ("tinyproxy",), TINYPROXY, ["tinyproxy", "-d", "-c", WORK / "tinyproxy.conf"],
               ("dns",)),
        *[squid(scheme) for scheme in SQUIDS],
        Server("last", "proxy", ("microsocks",), LAST,
               ["unshare", "--mount", "sh", "-c", KNOWS_A_NAME, "sh", WORK / "hosts.last", PROXY_IP, LAST], ("dns",)),
        *[microsocks(name, port) for name, port in THREE.items()],
    ]


def write_upstream_files() -> None:
    (WORK / "hosts.last").write_text(f"127.0.0.1 localhost\n{DESTINATION_IP} {LAST_NAME}\n")
    (WORK / "tinyproxy.conf").write_text(TINYPROXY_CONF)
    for scheme, (port, helper, users) in SQUIDS.items():
        (WORK / f"squid-{port}.users").write_text(users)
        (WORK / f"squid-{port}.conf").write_text(SQUID_CONF.format(
            ip=PROXY_IP, port=port, work=WORK, scheme=scheme, helper=helper, realm=REALM))
        log = WORK / f"squid-{port}.log"
        log.touch(mode=0o666)
        log.chmod(0o666)
