#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks that no entry point of libc goes round a hook.

    siblings.py VERSION_SCRIPT [LIBC]
    siblings.py --self-test

For every name in the version script libc is asked which siblings it exports: the same function with leading
underscores, a _chk, _r, 64 or numbered form, a p or v form, or a member of the same family below. Each must be
in the version script too, or stand in ALLOWED with the reason. LIBC is this process's own by default.
"""

import pathlib
import re
import sys

import elf_symbols

# Functions that do the same work under names of their own: who hooks one has to hook them all.
FAMILIES = [
    ("accept", "accept4"),
    ("bind", "bindresvport"),
    ("send", "sendto", "sendmsg", "sendmmsg"),
    ("recv", "recvfrom", "recvmsg", "recvmmsg"),
    ("read", "readv"),
    ("write", "writev"),
    ("sendfile", "sendfile64"),
    ("close", "close_range", "closefrom"),
    ("dup", "dup2", "dup3", "fcntl", "fcntl64"),
    ("vfork", "clone"),
    ("sigaction", "signal", "bsd_signal", "sysv_signal", "ssignal", "sigset", "sigvec"),
    ("getsockname", "getpeername"),
    ("getsockopt", "setsockopt"),
    ("poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait", "epoll_pwait2"),
    ("getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname2", "gethostbyaddr", "gethostbyname_r",
     "gethostbyname2_r", "gethostbyaddr_r", "getaddrinfo_a"),
    ("res_query", "res_search", "res_querydomain", "res_send", "res_nquery", "res_nsearch", "res_nquerydomain",
     "res_nsend"),
    ("getnetbyname", "getnetbyname_r", "getnetbyaddr", "getnetbyaddr_r"),
    ("rcmd", "rcmd_af", "rexec", "rexec_af", "ruserok", "ruserok_af", "iruserok", "iruserok_af"),
]

# Siblings that need no hook, and why. Not preadv2 and pwritev2: with an offset of -1 they work on sockets.
ALLOWED = {
    "bindresvport": "only chooses a privileged local port; what is then sent or connected passes the hooks",
    "sigvec": "only programs that were linked before glibc 2.21 can call it",
    "psignal": "prints what a signal means (psignal(3))",
    "pclose": "closes a stream of popen(3), which is a pipe to a child",
    "pread": "fails with ESPIPE on every socket (pread(2))",
    "pread64": "fails with ESPIPE on every socket (pread(2))",
    "__pread64": "fails with ESPIPE on every socket (pread(2))",
    "__pread_chk": "fails with ESPIPE on every socket (pread(2))",
    "__pread64_chk": "fails with ESPIPE on every socket (pread(2))",
    "pwrite": "fails with ESPIPE on every socket (pwrite(2))",
    "pwrite64": "fails with ESPIPE on every socket (pwrite(2))",
    "__pwrite64": "fails with ESPIPE on every socket (pwrite(2))",
    "preadv": "fails with ESPIPE on every socket (preadv(2))",
    "preadv64": "fails with ESPIPE on every socket (preadv(2))",
    "pwritev": "fails with ESPIPE on every socket (pwritev(2))",
    "pwritev64": "fails with ESPIPE on every socket (pwritev(2))",
}

# What may stand before and after a function's bare name in the name of a sibling.
PREFIX = r"_*(?:libc_)?p?"
SUFFIX = r"v?(?:v?\d+)*(?:_r)?(?:_chk|_nocancel)?"


def bare_name(name):
    """The name without underscores in front and forms behind: __recv_chk, gethostbyname2_r, fcntl64."""
    name = re.sub(r"^_+(?:libc_)?", "", name)
    name = re.sub(r"(?:_chk|_nocancel)$", "", name)
    name = re.sub(r"_r$", "", name)
    return re.sub(r"\d+$", "", name)


def siblings(name, libc_names):
    """The siblings of `name` that libc exports."""
    relatives = {bare_name(name)}
    for family in FAMILIES:
        if bare_name(name) in {bare_name(member) for member in family}:
            relatives |= {bare_name(member) for member in family}
    pattern = re.compile(PREFIX + "(?:" + "|".join(map(re.escape, sorted(relatives))) + ")" + SUFFIX)
    return {other for other in libc_names if other != name and pattern.fullmatch(other)}


def check(exported, libc_names, allowed):
    missing = {}
    for name in sorted(exported):
        for sibling in siblings(name, libc_names) - exported:
            missing.setdefault(sibling, name)
    for sibling, name in sorted(missing.items()):
        if sibling not in allowed:
            yield f"{sibling}: libc exports this sibling of {name}; hook it, or allow it with a reason"
    for name in sorted(exported & set(allowed)):
        yield f"{name}: is hooked and allowed not to be; remove it from the allow-list"
    for name in sorted(exported - libc_names):
        yield f"{name}: is hooked, but libc exports no such function"
    for name, reason in sorted(allowed.items()):
        if not reason.strip():
            yield f"{name}: is allowed without a reason"


def exported_by_libc(nm_text):
    """GLIBC_PRIVATE is for libc's own parts: no program links with it."""
    return {name for name, version in elf_symbols.parse_nm(nm_text) if version != "GLIBC_PRIVATE"}


def own_libc():
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if re.search(r"/libc(-[\d.]+)?\.so(\.6)?$", path):
            return path
    sys.exit("cannot tell which libc this process runs on; name it")


def self_test():
    libc = exported_by_libc("".join(f"0000000000001000 T {name}\n" for name in (
        "connect@@GLIBC_2.2.5", "__connect@@GLIBC_2.2.5", "connectx@@GLIBC_2.2.5", "close@@GLIBC_2.2.5",
        "__close@@GLIBC_2.2.5", "__close_nocancel@@GLIBC_PRIVATE", "pclose@@GLIBC_2.2.5", "fclose@@GLIBC_2.2.5",
        "close_range@@GLIBC_2.34", "fcntl@@GLIBC_2.2.5", "__fcntl@@GLIBC_2.2.5", "fcntl64@@GLIBC_2.28",
        "dup@@GLIBC_2.2.5", "dup3@@GLIBC_2.9", "poll@@GLIBC_2.2.5", "ppoll@@GLIBC_2.4",
        "__poll_chk@@GLIBC_2.16", "__ppoll_chk@@GLIBC_2.16", "recv@@GLIBC_2.2.5", "__recv_chk@@GLIBC_2.4",
        "recvmmsg@@GLIBC_2.12", "__recvfrom_chk@@GLIBC_2.4", "accept@@GLIBC_2.2.5", "accept4@@GLIBC_2.10",
        "gethostbyname@@GLIBC_2.2.5", "gethostbyname2_r@@GLIBC_2.2.5", "read@@GLIBC_2.2.5",
        "readv@@GLIBC_2.2.5", "__read_chk@@GLIBC_2.4", "preadv64v2@@GLIBC_2.26", "readlink@@GLIBC_2.2.5",
        "__res_nquery@GLIBC_2.2.5", "res_query@@GLIBC_2.34", "send@@GLIBC_2.2.5", "sendto@@GLIBC_2.2.5",
        "__send@@GLIBC_2.2.5", "sendfile64@@GLIBC_2.3", "select@@GLIBC_2.2.5", "__select@@GLIBC_2.2.5",
        "syscall@@GLIBC_2.2.5")))
    expected = {
        "connect": {"__connect"},
        "close": {"__close", "pclose", "close_range"},
        "fcntl": {"__fcntl", "fcntl64", "dup", "dup3"},
        "ppoll": {"poll", "__poll_chk", "__ppoll_chk", "select", "__select"},
        "recv": {"__recv_chk", "recvmmsg", "__recvfrom_chk"},
        "accept4": {"accept"},
        "gethostbyname": {"gethostbyname2_r"},
        "read": {"readv", "__read_chk", "preadv64v2"},
        "res_query": {"__res_nquery"},
        "send": {"sendto", "__send"},
        "syscall": set(),
    }
    failures = []
    for name, want in expected.items():
        found = siblings(name, libc)
        if found != want:
            failures.append(f"{name}: expected the siblings {sorted(want)}, found {sorted(found)}")
    for what, exported, allowed, count in (
            ("complete", {"connect", "__connect"}, {}, 0),
            ("missing", {"connect"}, {}, 1),
            ("allowed", {"connect"}, {"__connect": "why"}, 0),
            ("allowed without a reason", {"connect"}, {"__connect": " "}, 1),
            ("allowed and hooked", {"connect", "__connect"}, {"__connect": "why"}, 1),
            ("misspelt", {"connect", "__connect", "conect"}, {}, 1)):
        problems = list(check(exported, libc, allowed))
        if len(problems) != count:
            failures.append(f"{what}: expected {count} problem(s), found {problems}")
    print("\n".join(failures) or "every rule can fail")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    script = arguments[0]
    libc = arguments[1] if len(arguments) == 2 else own_libc()
    try:
        exported = elf_symbols.parse_version_script(pathlib.Path(script).read_text(encoding="utf-8"))
    except elf_symbols.ScriptError as error:
        print(f"{script}: {error}")
        return 1
    libc_names = exported_by_libc(elf_symbols.run("nm", "-D", "--defined-only", libc))
    problems = list(check(exported, libc_names, ALLOWED))
    print("\n".join(f"{script}: {problem}" for problem in problems) or f"no sibling of {len(exported)} is missing")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
