#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What an established proxied stream costs in system calls:
#
#     tests/bench/syscalls.sh [BUILD_DIR]
#
# curl fetches 100 MB from a web server on loopback by way of the project's SOCKS server, once through socksify
# and once by its own --socks5-hostname, both under `strace -f -c`. Prints the calls that matter and all calls,
# then the time of both without strace, five times in turn. Takes about half a minute; nothing is left running.
# BUILD_DIR is build/release, or what holds a build for shipping; needs strace, curl and python3.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=$(realpath -m "${1:-build/release}")
fail() {
  printf 'syscalls.sh: %s\n' "$*" >&2
  exit 1
}
[ -x "$build/bin/socksify-testserver" ] ||
  fail "no socksify-testserver in $build; build it: cmake --preset release && cmake --build --preset release"
for tool in strace curl python3; do
  command -v "$tool" >/dev/null || fail "needs $tool"
done

scratch=$(mktemp -d)
# shellcheck disable=SC2046
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT
unset LD_PRELOAD http_proxy all_proxy ALL_PROXY "${!SOCKS@}"
export SOCKSIFY_STATE_DIR=$scratch
megabytes=100
truncate -s ${megabytes}M "$scratch/big"

wait_for() {
  # shellcheck disable=SC2016
  timeout 10 bash -c 'until [ -s "$1" ]; do sleep 0.1; done' bash "$1" || fail "a server did not start"
}

python3 - "$scratch" <<'PYTHON' &
import functools, http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
with open(sys.argv[1] + "/web.new", "w") as file:
    file.write(str(server.server_port))
os.rename(sys.argv[1] + "/web.new", sys.argv[1] + "/web")
server.serve_forever()
PYTHON
wait_for "$scratch/web"
# A name, because destinations on 127/8 go direct; only the proxy knows where it is.
"$build/bin/socksify-testserver" --quiet --listen 127.0.0.1:0 --lifetime 300 \
  --name "big.test=127.0.0.1:$(cat "$scratch/web")" --port-file "$scratch/port" &
wait_for "$scratch/port"
port=$(cat "$scratch/port")

fetch=(curl --silent --show-error --fail --max-time 60 --output /dev/null http://big.test/big)
ours=("$build/bin/socksify" -p "socks5://127.0.0.1:$port" "${fetch[@]}")
native=(curl --socks5-hostname "127.0.0.1:$port" "${fetch[@]:1}")

# count FILE COMMAND...
count() {
  local file=$1
  shift
  timeout 120 strace -f -c -o "$file" "$@" || fail "the download failed: $*"
}
count "$scratch/ours" "${ours[@]}"
count "$scratch/native" "${native[@]}"

python3 - "$scratch/ours" "$scratch/native" <<'PYTHON'
import sys
def read(path):
    calls = {}
    for line in open(path):
        words = line.split()
        if len(words) >= 5 and words[0][0].isdigit() and words[3].isdigit():
            calls[words[-1]] = int(words[3])
    total = calls.pop("total")
    return calls, total
(ours, ours_total), (native, native_total) = (read(path) for path in sys.argv[1:])
print(f"{'system calls of curl, 100 MB':32} {'socksify':>10} {'native':>10}")
for name in ("read", "recvfrom", "poll", "getsockopt", "connect", "sendto", "openat", "mmap", "execve"):
    print(f"{name:32} {ours.get(name, 0):10d} {native.get(name, 0):10d}")
print(f"{'all':32} {ours_total:10d} {native_total:10d}")
reads = [sum(calls.get(name, 0) for name in ("read", "recvfrom", "recvmsg", "readv")) for calls in (ours, native)]
# How many bytes a read brings varies from run to run; what would tell of an added call is the ratio.
print(f"{'calls for each read':32} {ours_total / reads[0]:10.3f} {native_total / reads[1]:10.3f}")
PYTHON

printf '\n%-32s %10s %10s\n' "seconds for 100 MB, no strace" socksify native
seconds_of() {
  local started=${EPOCHREALTIME/./}
  "$@" || fail "the download failed: $*"
  printf '%d.%03d' $(((${EPOCHREALTIME/./} - started) / 1000000)) $(((${EPOCHREALTIME/./} - started) / 1000 % 1000))
}
for round in 1 2 3 4 5; do
  printf '%-32s %10s %10s\n' "round $round" "$(seconds_of "${ours[@]}")" "$(seconds_of "${native[@]}")"
done
