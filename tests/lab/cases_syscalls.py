# SPDX-License-Identifier: BSD-2-Clause
"""A proxied stream costs no more system calls than curl's own SOCKS client makes: strace counts."""

import collections
import re

from case import SCRATCH, Case, Lab
from report import Failed, check
from servers import DANTED, DOWNLOAD_MIB
from topology import DESTINATION_IP, PROXY_IP

# How many pieces the stream arrives in differs from run to run, and each piece takes one read, a poll and some writes
# to the file. Those are compared per read; all other calls together have to stay within a constant, which is what the
# launcher, the preload and the handshake take: about 90, whatever the size of the download. On a busy
# machine curl itself makes more, up to 200 were seen. One more call per read makes 1,000.
ALLOWED_EXTRA = 500
CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")
READS = ("read", "readv", "recv", "recvfrom", "recvmsg")
WAITS = ("poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait")
WRITES = ("write", "writev")


def count_calls(lab: Lab, name: str, argv: list) -> collections.Counter:
    """The calls of a program that downloads and prints how much it got."""
    trace = SCRATCH / name
    result = lab.on_client(["strace", "-f", "-qq", "-o", trace, *argv], deadline_s=60)
    check(result.status == 0, f"exit status {result.status}, expected 0")
    check(result.output == str(DOWNLOAD_MIB * 1024 * 1024), f"{result.output} bytes arrived")
    found = (CALL.match(line) for line in trace.read_text(errors="replace").splitlines())
    return collections.Counter(match[1] for match in found if match)


def count(calls: collections.Counter, names: tuple) -> int:
    return sum(calls[name] for name in names)


def download(lab: Lab) -> str:
    # Unbuffered, or the writes to the file would depend on how the pieces of the stream fall.
    curl = ["curl", "-sSN", "-o", "/dev/null", "-w", "%{size_download}", f"http://{DESTINATION_IP}/download"]
    native = count_calls(lab, "native", [*curl, "--socks5-hostname", f"{PROXY_IP}:{DANTED}"])
    ours = count_calls(lab, "ours", [lab.socksify, "-p", f"socks5://{PROXY_IP}:{DANTED}", "--", *curl])
    check_calls(native, ours)
    return (f"{ours.total() / DOWNLOAD_MIB:.1f} calls per MiB, {count(ours, READS) / DOWNLOAD_MIB:.1f} reads; without "
            f"socksify {native.total() / DOWNLOAD_MIB:.1f} and {count(native, READS) / DOWNLOAD_MIB:.1f}")


def check_calls(native: collections.Counter, ours: collections.Counter) -> None:
    native_reads, our_reads = count(native, READS), count(ours, READS)
    check(native_reads >= 1.5 * ALLOWED_EXTRA, f"too few reads to tell: {native_reads}")
    # On a busy machine some waits find nothing. The writes go to the file, several for each read.
    for names, what, tolerance in ((WAITS, "waits", 0.5), (WRITES, "writes", 2.0)):
        allowed = count(native, names) / native_reads + tolerance
        per_read = count(ours, names) / our_reads
        check(per_read <= allowed, f"expected at most {allowed:.2f} {what} per read, found {per_read:.2f}")
    per_stream = READS + WAITS + WRITES
    extra = (ours.total() - count(ours, per_stream)) - (native.total() - count(native, per_stream))
    check(extra <= ALLOWED_EXTRA, f"expected at most {ALLOWED_EXTRA} other calls more, found {extra}: "
                                  f"{dict(ours - native)}")
    check(our_reads <= native_reads * 1.5, f"expected about {native_reads} reads, found {our_reads}")


def check_itself(lab: Lab) -> None:
    """One more call of any kind per read has to be found."""
    native = collections.Counter(recvfrom=1000, poll=1010, write=13000, mmap=150)
    check_calls(native, native + collections.Counter(mmap=90, recvfrom=20, poll=20, write=260))
    for added in ("getsockopt", "poll", "recvfrom"):
        try:
            check_calls(native, native + collections.Counter({added: 1000}))
        except Failed:
            continue
        raise Failed(f"one {added} more per read goes unnoticed")


def cases() -> list[Case]:
    return [
        Case("self-check: one call more per read is noticed", check_itself),
        Case(f"system calls of curl downloading {DOWNLOAD_MIB} MiB through danted", download, ("danted", "web"),
             ("curl", "strace"), frozenset({DANTED})),
    ]
