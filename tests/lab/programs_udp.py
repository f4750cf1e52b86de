# SPDX-License-Identifier: BSD-2-Clause
"""Programs that send datagrams, each with a server that answers them."""

from programs import Program
from programs_events import BUILT, CLIENTS
from servers import DTLS_PORT, ECHO_PORT, HELLO, IPERF_PORT, QUIC_PORT

# 512 datagrams at 4 Mbit/s; prints what the receiver has missed.
IPERF = """
timeout 10 iperf3 -u -c "$1" -p "$2" -b 4M -l 1000 -n 512000 --connect-timeout 5000 -J $3 | python3 -c '
import json, sys
report = json.load(sys.stdin)
print(report["end"]["sum"]["lost_packets"] if "sum" in report["end"] else report["error"], "lost")'
"""


def echo_udp(how: str) -> Program:
    return Program(f"echo_udp ({how})", "echo", (BUILT / "echo_udp", "{host}", ECHO_PORT, how), "20\n")


PROGRAMS = [
    *[echo_udp(how) for how in ("sendto", "sendmsg", "sendmmsg", "send", "write", "writev")],
    Program("asyncio's datagrams", "echo", ("python3", CLIENTS / "echo_udp_asyncio.py", "{host}", ECHO_PORT), "20\n"),
    Program("asyncio's datagrams (connected)", "echo",
            ("python3", CLIENTS / "echo_udp_asyncio.py", "{host}", ECHO_PORT, "connected"), "20\n"),
    Program("ntp_query", "ntp", ("python3", CLIENTS / "ntp_query.py", "{host}"), "stratum 1, right time\n"),
    # It ends with the first answer.
    Program("nc -u", "echo", ("nc", "-u", "-w", "5", "-W", "1", "{host}", ECHO_PORT), "hello\n", stdin="hello\n"),
    # It waits so long for an answer, once its input has ended.
    Program("socat UDP4", "echo", ("socat", "-t", "1", "-", f"UDP4:{{host}}:{ECHO_PORT}"), "hello\n",
            stdin="hello\n"),
    Program("openssl s_client -dtls", "dtls", ("sh", CLIENTS / "dtls.sh", "{host}", DTLS_PORT, "{scratch}"), "hello\n",
            commands=("openssl",)),
    Program("iperf3 -u", "iperf3", ("sh", "-c", IPERF, "sh", "{host}", IPERF_PORT), "0 lost\n", commands=("iperf3",)),
    Program("iperf3 -u -R", "iperf3", ("sh", "-c", IPERF, "sh", "{host}", IPERF_PORT, "-R"), "0 lost\n",
            commands=("iperf3",)),
    Program("gtlsclient (QUIC)", "quic",
            ("timeout", "10", "gtlsclient", "-q", "--exit-on-all-streams-close", "--download={scratch}", "{host}",
             QUIC_PORT, f"https://{{host}}:{QUIC_PORT}/hello.txt"), HELLO, commands=("gtlsclient",),
            artifact="hello.txt"),
]
