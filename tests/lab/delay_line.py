# SPDX-License-Identifier: BSD-2-Clause
"""delay_line.py DEVICE MS PID PID: a network device in the network namespaces of two processes.

What is sent into one comes out of the other MS milliseconds later: nothing is lost, and the order stays. netem(8) does
the same, where the kernel has it. Prints "ready" when the devices are there, and runs until it is killed.
"""

import collections
import ctypes
import fcntl
import os
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000  # sched.h
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
LARGEST_PACKET = 65535


def open_device(name: str, pid: str) -> int:
    """The other end of a network device in the namespace of a process; each packet is one read or write."""
    with open(f"/proc/{pid}/ns/net") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def main(name: str, delay_ms: str, *pids: str) -> None:
    one, other = (open_device(name, pid) for pid in pids)
    opposite = {one: other, other: one}
    under_way = collections.deque()
    print("ready", flush=True)
    while True:
        wait_s = max(under_way[0][0] - time.monotonic(), 0) if under_way else None
        for device in select.select([one, other], [], [], wait_s)[0]:
            due_s = time.monotonic() + int(delay_ms) / 1000
            under_way.append((due_s, opposite[device], os.read(device, LARGEST_PACKET)))
        while under_way and under_way[0][0] <= time.monotonic():
            _, device, packet = under_way.popleft()
            os.write(device, packet)


main(*sys.argv[1:])
