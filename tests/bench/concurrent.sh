#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Many non-blocking connects at once through a proxy that takes 100 ms for each reply, beside the peers:
#
#     tests/bench/concurrent.sh [BUILD_DIR [COUNT [SECONDS]]]
#
# COUNT (1000) connections are opened at once to an echo server, waited for in several ways, and used; the time
# of all is divided by the time of one, which is 200 ms (there are two replies). Ideal is 1: a proxy that serves
# them side by side needs no longer for many. Each is the best of three. A client that takes more than SECONDS (60)
# for one line is stopped, which makes this script take up to half an hour where the peers are slow. Peers that are not installed are left out; nothing is left running. Only
# loopback is used: the proxy itself plays 10.99.99.99. BUILD_DIR is build/release, or what holds a build for
# shipping; needs cc and python3.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=$(realpath -m "${1:-build/release}")
count=${2:-1000}
seconds=${3:-60}
fail() {
  printf 'concurrent.sh: %s\n' "$*" >&2
  exit 1
}
if [ ! -x "$build/bin/socksify" ] || [ ! -x "$build/bin/socksify-testserver" ]; then
  fail "no socksify and socksify-testserver in $build; build them: cmake --preset release && cmake --build --preset release"
fi
for tool in cc python3 timeout; do
  command -v "$tool" >/dev/null || fail "needs $tool"
done
ulimit -n "$(ulimit -H -n)"

scratch=$(mktemp -d)
# shellcheck disable=SC2046
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT
unset LD_PRELOAD "${!SOCKS@}"
export SOCKSIFY_STATE_DIR=$scratch
cc -O2 -o "$scratch/many" tests/victims/many.c
cc -O2 -D_GNU_SOURCE -o "$scratch/native" tests/bench/concurrent_native.c

wait_for() {
  # shellcheck disable=SC2016
  timeout 10 bash -c 'until [ -s "$1" ]; do sleep 0.1; done' bash "$1" || fail "a server did not start"
}
"$build/bin/socksify-testserver" --quiet --lifetime 7200 --port-file "$scratch/port" \
  --echo 10.99.99.99 --script '10.99.99.99: reply.delay=100' --script 'method.delay=100' \
  --refuse 10.99.99.98 --script '10.99.99.98: reply.delay=100' &
# Where the direct connections go: the same machine, without a proxy and without a delay.
python3 - "$scratch" <<'PYTHON' &
import asyncio, os, sys
async def echo(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=4096)
    with open(sys.argv[1] + "/echo.new", "w") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    os.rename(sys.argv[1] + "/echo.new", sys.argv[1] + "/echo")
    await server.serve_forever()
asyncio.run(main())
PYTHON
wait_for "$scratch/port"
wait_for "$scratch/echo"
port=$(cat "$scratch/port")
echo 1 >"$scratch/refused" # tcpmux(1), where nobody listens

printf '[ProxyList]\nsocks5 127.0.0.1 %s\n' "$port" >"$scratch/proxychains.conf"
printf 'local = 127.0.0.0/255.0.0.0\nserver = 127.0.0.1\nserver_port = %s\nserver_type = 5\n' "$port" >"$scratch/tsocks.conf"
printf 'TorAddress 127.0.0.1\nTorPort %s\nAllowOutboundLocalhost 1\n' "$port" >"$scratch/torsocks.conf"
cat >"$scratch/dante.conf" <<DANTE
logoutput: /dev/null
route {
  from: 0.0.0.0/0 to: 0.0.0.0/0 via: 127.0.0.1 port = $port
  proxyprotocol: socks_v5
}
DANTE

# Each client: its name and the command that goes before the program.
clients=(direct native socksify) prefixes=(env env "$build/bin/socksify -p socks5://127.0.0.1:$port")
add() {
  clients+=("$1")
  prefixes+=("$2")
}
command -v proxychains4 >/dev/null && add proxychains-ng "proxychains4 -q -f $scratch/proxychains.conf"
command -v torsocks >/dev/null && add torsocks "env TORSOCKS_CONF_FILE=$scratch/torsocks.conf torsocks"
command -v tsocks >/dev/null && add tsocks "env TSOCKS_CONF_FILE=$scratch/tsocks.conf tsocks"
dante=$(type -P socksify || true)
if [ -n "$dante" ] && grep -q Inferno "$dante"; then
  # Otherwise it takes 127/8, where the proxy is, for its own LAN.
  add Dante "env SOCKS_AUTOADD_LANROUTES=no SOCKS_CONF=$scratch/dante.conf $dante"
fi

# run PREFIX CLIENT WAY COUNT: the program's output in $scratch/out; its status.
run() {
  local address=10.99.99.99 to=7 status=0 command
  [ "$3" != refused ] || address=10.99.99.98
  [ "$2" != direct ] || address=127.0.0.1
  if [ "$2" = direct ]; then
    to=$(cat "$scratch/$3" 2>/dev/null || cat "$scratch/echo")
  fi
  case $2.$3 in
    native.*) command=("$scratch/native" "$4" "$port" "$address" "$to") ;;
    *.asyncio) command=(python3 tests/bench/concurrent_asyncio.py "$4" "$address" "$to") ;;
    *.refused) command=("$scratch/many" -t epollet "$4" "$address" "$to" refused) ;;
    *) command=("$scratch/many" -t "$3" "$4" "$address" "$to") ;;
  esac
  # shellcheck disable=SC2086
  timeout -k 2 "$seconds" $1 "${command[@]}" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
  return "$status"
}
value_of() { awk -v name="$1" '$1 == name {print $2; exit}' "$scratch/out"; }

# What a user would rather not see, in a few words.
describe() {
  local name value words=""
  if [ -z "$(value_of connected)" ]; then
    words=$(grep -v '^error' "$scratch/out" | tail -n 1)
    printf '%s' "${words:-ended with $1}"
    return
  fi
  for name in failed hanging early spurious wrong strangers; do
    value=$(value_of $name)
    [ "${value:-0}" = 0 ] || words+="${words:+, }$value $name"
  done
  printf '%s' "$words"
}

# measure PREFIX CLIENT WAY COUNT: sets `time` to the milliseconds, "> N s", or - where a connection is missing or
# has brought the wrong bytes; and `remark`.
measure() {
  local status=0 wanted=connected
  [ "$3" != refused ] || wanted=refused
  run "$@" || status=$?
  time=- remark=""
  if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    time="> $seconds s"
    return
  fi
  remark=$(describe "$status")
  if [ "$(value_of $wanted)" = "$4" ] && [ "$(value_of wrong)" = 0 ]; then time=$(value_of milliseconds); fi
}

# The best of three, where one does not take for ever: the machine has other things to do, too.
measure_best() {
  local best
  measure "$@"
  for _ in 2 3; do
    case $time in *[!0-9]*) return ;; esac
    best=$time
    measure "$@"
    case $time in *[!0-9]*) return ;; esac
    [ "$time" -le "$best" ] || time=$best
  done
}

row() {
  local one time remark ratio=- # measure sets two of them
  measure_best "$1" "$2" "$3" 1
  one=$time
  case $one in
    *[!0-9]*) ;; # not even one: no need to try many
    *)
      measure_best "$1" "$2" "$3" "$count"
      case $2.$time in
        direct.*) ;;
        *">"*) ratio="> $((seconds * 1000 / (one > 0 ? one : 1)))" ;;
        *[!0-9]) ;;
        *) ratio=$(awk -v all="$time" -v one="$one" 'BEGIN {printf "%.2f", all / (one > 0 ? one : 1)}') ;;
      esac
      ;;
  esac
  case $one in
    *[!0-9]*) time=- ;;
  esac
  printf '%-12s %-15s %8s %10s %8s  %s\n' "$3" "$2" "$one" "$time" "$ratio" "$remark"
}

printf '%-12s %-15s %8s %10s %8s\n' way client "1: ms" "$count: ms" ratio
for way in select poll epoll epollet epollbefore asyncio refused; do
  for i in "${!clients[@]}"; do
    if [ "${clients[i]}" = native ] && [ "$way" != epoll ]; then continue; fi
    row "${prefixes[i]}" "${clients[i]}" "$way"
  done
done
cat <<'LEGEND'

ways     those of tests/victims/many.c; asyncio: concurrent_asyncio.py; refused: epollet, to a destination that refuses
native   a program that speaks SOCKS5 itself: what the proxy and the machine allow
early    told of readiness while the socket was not connected; hanging: nothing came of it within 10 s
strangers  getpeername(2) told of somebody else than the destination
LEGEND
