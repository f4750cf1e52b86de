#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks how the linker has laid out the shared object (preload/set_up_code.ld.in).

    code_order.py LIBRARY
    code_order.py --self-test

What a connection needs lies together, and first what a usual one runs (preload/connection_order.ld); what is read but
once lies in the part that is given back, and what a connection changes lies on one page with what the dynamic linker
changes at the start. No exported function lies in the part that is given back: a program that has written other code
to where one begins would lose it. A file that is renamed, or a pattern that matches nothing any more, would otherwise
be noticed by nobody: the library works as well, and is larger in memory.
"""

import re
import sys

import elf_symbols

# Each stands for a file, or for a pattern, of socksify_serves_connections().
CONNECTION_CODE = ["connect", "close", "read", "poll", "getpeername", "syscall", "socksify::Attempt::Advance(",
                   "socksify::Attempt::StartHandshake(", "socksify::Attempt::Connect(", "socksify::ChainChoice::Begin(",
                   "socksify::ServerHealth::PutInOrder(", "socksify::Socks5Client::Input(", "socksify::Handshake::state(",
                   "socksify::RouteTable::Decide(",
                   "socksify::HealthEntry::NoteSuccess(", "socksify::PeerTableStore::Record(",
                   "socksify::ConnectOutbound(", "socksify::PendingTable::Start(", "socksify::PendingTable::Succeed(",
                   "socksify::DescriptorTable::Record(", "socksify::FindConnection(", "socksify::FindOriginal(",
                   "socksify::Watches::StartHandshake(", "socksify::Decide("]
# Of these a usual one runs, and it runs more between them.
RUN_FIRST = ["socket", "connect", "close", "socksify::MarkDescriptor(", "socksify::ConnectOutbound(", "socksify::Decide(", "socksify::PendingTable::Start(",
             "socksify::Attempt::StartHandshake(", "socksify::Attempt::Advance(", "socksify::PendingTable::Succeed(",
             "socksify::Socks5Client::Input(", "socksify::DescriptorTable::Record("]
MAX_RUN_FIRST = 56 * 1024
GIVEN_BACK = ["socksify::LoadConfig(", "socksify::ConfigParser::ParseStatement(", "socksify::HttpConnectClient::Start(",
              "socksify::SharedMapping::Open(", "socksify::StateDirectory", "socksify::RouteIndex::RouteIndex("]
CONNECTION_DATA = ["socksify::g_descriptors", "socksify::g_pendings", "socksify::g_watches",
                   "socksify::(anonymous namespace)::g_runtime_place"]
# libc's functions, as preload/originals.h has them.
ORIGINALS = re.compile(r"socksify::libc::\w+|socksify::\w*Original<.*>::pointer_")
MAX_DATA_SPAN = 3072  # the dynamic linker changes the rest of the page
PAGE = 4096


def exported(nm_text):
    """Address by name of what others can call."""
    found = (re.fullmatch(r"([0-9a-f]+) [TWi] (.+)", line) for line in nm_text.splitlines())
    return {each[2]: int(each[1], 16) for each in found if each}


def parse(nm_text):
    """Address by demangled name; where a name stands for several, all of them."""
    symbols = {}
    for line in nm_text.splitlines():
        found = re.fullmatch(r"([0-9a-f]+) \w (.+)", line)
        if found and "[clone " not in found[2]:
            symbols.setdefault(found[2], []).append(int(found[1], 16))
    return symbols


def check(symbols, hooks):
    def addresses(name):
        return [address for symbol, each in symbols.items() for address in each
                if symbol == name or (name.endswith("(") and symbol.startswith(name)) or
                symbol.startswith(name + "[abi")]

    marks = {}
    for mark in ("connection_code_begin", "connection_code_end", "set_up_code_begin", "set_up_code_end"):
        found = symbols.get(f"socksify_{mark}")
        if not found:
            yield f"socksify_{mark}: not there; has the linker's script been used?"
            return
        marks[mark] = found[0]
    for names, part in ((CONNECTION_CODE, "connection_code"), (GIVEN_BACK, "set_up_code")):
        begin, end = marks[f"{part}_begin"], marks[f"{part}_end"]
        for name in names:
            found = addresses(name)
            if not found:
                yield f"{name}: expected in {part}, but there is no such function"
            for address in found:
                if not begin <= address < end:
                    yield f"{name}: expected in {part} ({begin:x}-{end:x}), found at {address:x}"
    for name in RUN_FIRST:
        for address in addresses(name):
            if address - marks["connection_code_begin"] > MAX_RUN_FIRST:
                yield (f"{name}: lies {address - marks['connection_code_begin']} bytes behind the beginning of the "
                       "connections' code; is tests/bench/connection_order.py to be run again?")
    if not hooks:
        yield "expected exported functions, found none"
    for name, address in sorted(hooks.items()):
        if marks["set_up_code_begin"] <= address < marks["set_up_code_end"]:
            yield f"{name}: is exported, and lies in the part that is given back, at {address:x}"
    places = []
    for name in CONNECTION_DATA:
        found = addresses(name)
        if not found:
            yield f"{name}: expected among the data, but there is no such variable"
        places += found
    originals = [address for symbol, each in symbols.items() for address in each if ORIGINALS.fullmatch(symbol)]
    if not originals:
        yield "expected libc's originals among the data, found none"
    places += originals
    if places and max(places) - min(places) > MAX_DATA_SPAN:
        yield f"what a connection changes lies {max(places) - min(places)} bytes apart; expected {MAX_DATA_SPAN}"


def check_pages(readelf_text):
    """What is neither constant nor zero at the start begins with .data.connections, and .got.plt just before it."""
    found = re.findall(r"\] (\.[\w.]+) +[A-Z]+ +([0-9a-f]+) ", readelf_text)
    addresses = {name: int(address, 16) for name, address in found}
    begin, end = addresses.get(".data.connections"), addresses.get(".bss")
    if begin is None or end is None:
        yield "expected sections .data.connections and .bss, found none"
    elif end - begin // PAGE * PAGE > PAGE:
        yield (f"{end - begin // PAGE * PAGE - PAGE} bytes too many for one page are changed in every process: "
               "constants that hold pointers, or variables of what most programs never do")


def self_test():
    lines = {"socksify_connection_code_begin": 0x1000, "socksify_connection_code_end": 0x20000,
             "socksify_set_up_code_begin": 0x20000, "socksify_set_up_code_end": 0x30000}
    lines |= {name + ("int)" if name.endswith("(") else ""): 0x1800 for name in CONNECTION_CODE}
    lines |= {name + ("int)" if name.endswith("(") else ""): 0x28000 for name in GIVEN_BACK}
    lines |= {name: 0x40000 for name in CONNECTION_DATA} | {"socksify::libc::connect": 0x40000}

    def problems(hook=0x1800, **changes):
        changed = lines | {name.replace("__", "::"): address for name, address in changes.items()}
        text = "".join(f"{address:016x} t {name}\n" for name, address in changed.items() if address)
        return list(check(parse(text), exported(f"{hook:016x} T rcmd\n" if hook else "")))

    failures = []
    for what, found, count in (("good", problems(), 0), ("no marks", problems(socksify_set_up_code_end=0), 1),
                               ("hook elsewhere", problems(connect=0x20000), 2), ("hook before", problems(read=0xfff), 1),
                               ("no such hook", problems(poll=0), 1),
                               ("set-up kept", problems(socksify__StateDirectory=0x1ffff), 1),
                               ("data apart", problems(socksify__g_watches=0x40c01), 1),
                               ("data near", problems(socksify__g_watches=0x40c00), 0),
                               ("original apart", problems(socksify__libc__connect=0x1fff), 1),
                               ("no originals", problems(socksify__libc__connect=0), 1),
                               ("exported hook given back", problems(hook=0x20000), 1),
                               ("exported hook kept", problems(hook=0x1ffff), 0),
                               ("nothing exported", problems(hook=0), 1),
                               ("run late", problems(close=0x1000 + MAX_RUN_FIRST + 1), 1),
                               ("run first", problems(close=0x1000 + MAX_RUN_FIRST), 0),
                               ("no such data", problems(socksify__g_pendings=0), 1)):
        if len(found) != count:
            failures.append(f"{what}: expected {count} problem(s), found {found}")
    for bss, count in ((0x2000, 0), (0x2001, 1), (0, 1)):
        text = f" [31] .data.connections PROGBITS {0x13a0:016x} 00\n" + (f" [ 3] .bss NOBITS {bss:016x} 00\n" if bss else "")
        if len(list(check_pages(text))) != count:
            failures.append(f".bss at {bss:x}: expected {count} problem(s)")
    print("\n".join(failures) or "every rule can fail")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    text = elf_symbols.run("nm", "-C", arguments[0])
    found = list(check(parse(text), exported(text)))
    found += check_pages(elf_symbols.run("readelf", "-SW", arguments[0]))
    print("\n".join(f"{arguments[0]}: {problem}" for problem in found) or "as written")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
