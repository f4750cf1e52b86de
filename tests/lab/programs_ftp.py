# SPDX-License-Identifier: BSD-2-Clause
"""FTP clients in active mode: the server connects to the client. Each makes ten transfers in one session.

It sends five files and gets them back, and prints whatever it likes; what has come back is in {scratch}/back.

Whether PORT or EPRT goes to the server depends on the family in which the client knows it. Names that a proxy resolves
are taken to be in IPv4, unless the program asks for IPv6 alone: BY_IP6_NAME are the clients that do so, if told to.
"""

import sys

from case import SCRATCH

# A byte, less than a segment, several segments, many windows; and nothing at all.
SIZES = {"one": 1, "none": 0, "small": 1000, "middle": 30_000, "large": 3_000_000}
SENT, BACK = SCRATCH / "sent", SCRATCH / "back"

FTPLIB = """
import ftplib, socket, sys
host, port, is_ip6, sent, back, *names = sys.argv[1:]
if is_ip6 == "True":
    any_family = socket.getaddrinfo
    socket.getaddrinfo = lambda host, port, family=0, *more: any_family(host, port, family or socket.AF_INET6, *more)
ftp = ftplib.FTP(timeout=20)
ftp.connect(host, int(port))
ftp.login()
ftp.set_pasv(False)
ftp.cwd("in")
for name in names:
    ftp.storbinary("STOR " + name, open(f"{sent}/{name}", "rb"))
for name in names:
    with open(f"{back}/{name}", "wb") as file: ftp.retrbinary("RETR " + name, file.write)
ftp.quit()
"""


def contents(name: str) -> bytes:
    return bytes((number * 7 + number // 251) % 256 for number in range(SIZES[name]))


def quoted(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def ftplib(host: str, port: int, is_ip6: bool) -> tuple[list, str]:
    return [sys.executable, "-c", FTPLIB, host, port, is_ip6, SENT, BACK, *SIZES], ""


def lftp(host: str, port: int, _is_ip6: bool) -> tuple[list, str]:
    commands = ["set net:timeout 20", "set net:max-retries 1", "set ftp:passive-mode off", "set cmd:fail-exit yes",
                f"open ftp://{quoted(host)}:{port}/in", *[f"put {SENT}/{name}" for name in SIZES],
                *[f"get {name} -o {BACK}/{name}" for name in SIZES]]
    return ["lftp", "-c", "; ".join(commands)], ""


def tnftp(host: str, port: int, is_ip6: bool) -> tuple[list, str]:
    """tnftp's exit status says nothing about what it reads from standard input."""
    commands = [f"open {host} {port}", "user anonymous lab@test", "binary", "cd in",
                *[f"put {SENT}/{name} {name}" for name in SIZES], *[f"get {name} {BACK}/{name}" for name in SIZES],
                "bye"]
    return ["tnftp", "-A", "-n", "-i", "-v", *["-6"] * is_ip6], "\n".join(commands) + "\n"


def curl(host: str, port: int, _is_ip6: bool) -> tuple[list, str]:
    folder = f"ftp://{quoted(host)}:{port}/in"
    options = ["-sSv", "--max-time", "20", "--ftp-port", "-"]
    words = ["curl", *options]
    for name in SIZES:
        words += ["-T", SENT / name, f"{folder}/{name}"]
    words += ["--next", *options]
    for name in SIZES:
        words += ["-o", BACK / name, f"{folder}/{name}"]
    return words, ""


FTP_CLIENTS = {"python3 ftplib": ftplib, "lftp": lftp, "tnftp": tnftp, "curl --ftp-port -": curl}
COMMANDS = {"python3 ftplib": (), "lftp": ("lftp",), "tnftp": ("tnftp",), "curl --ftp-port -": ("curl",)}
BY_IP6_NAME = {"python3 ftplib", "tnftp"}
