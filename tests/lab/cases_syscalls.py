# SPDX-License-Identifier: BSD-2-Clause
"""A proxied stream costs no more system calls than curl's own SOCKS client makes: strace counts."""

import collections
import re

from case import SCRATCH, Case, Lab
from report import check
from servers import DANTED, DOWNLOAD_MIB
from topology import DESTINATION_IP, PROXY_IP

# What the launcher, the preload and the handshake may add in all: they take about 90, whatever the size of the
# download. curl reads it in about 1,000 pieces, so that one added call per read is far beyond the limit.
ALLOWED_EXTRA = 250
CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")
READS = ("read", "readv", "recv", "recvfrom", "recvmsg")


def count_calls(lab: Lab, name: str, argv: list) -> collections.Counter:
    """The calls of a program that downloads and prints how much it got."""
    trace = SCRATCH / name
    result = lab.on_client(["strace", "-f", "-qq", "-o", trace, *argv], deadline_s=60)
    check(result.status == 0, f"exit status {result.status}, expected 0")
    check(result.output == str(DOWNLOAD_MIB * 1024 * 1024), f"{result.output} bytes arrived")
    found = (CALL.match(line) for line in trace.read_text(errors="replace").splitlines())
    return collections.Counter(match[1] for match in found if match)


def count_reads(calls: collections.Counter) -> int:
    return sum(calls[name] for name in READS)


def download(lab: Lab) -> str:
    curl = ["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", f"http://{DESTINATION_IP}/download"]
    native = count_calls(lab, "native", [*curl, "--socks5-hostname", f"{PROXY_IP}:{DANTED}"])
    ours = count_calls(lab, "ours", [lab.socksify, "-p", f"socks5://{PROXY_IP}:{DANTED}", "--", *curl])
    extra = ours.total() - native.total()
    summary = (f"{ours.total() / DOWNLOAD_MIB:.1f} calls per MiB, {count_reads(ours) / DOWNLOAD_MIB:.1f} of them reads; "
               f"without socksify {native.total() / DOWNLOAD_MIB:.1f} and {count_reads(native) / DOWNLOAD_MIB:.1f}; "
               f"{extra} more in all")
    check(count_reads(native) > 2 * ALLOWED_EXTRA, f"too few reads to tell: {summary}")
    check(extra <= ALLOWED_EXTRA, f"expected at most {ALLOWED_EXTRA} calls more: {summary}; {dict(ours - native)}")
    return summary


def cases() -> list[Case]:
    return [Case(f"system calls of curl downloading {DOWNLOAD_MIB} MiB through danted", download, ("danted", "web"),
                 ("curl", "strace"), frozenset({DANTED}))]
