#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What a preload adds to the start of a dynamic program that opens no socket, beside its peers:
#
#     tests/bench/startup.sh [BUILD_DIR]
#
# One hyperfine run of `true`, plain and under each preload and each launcher that is installed (peers that are
# not are left out), then the instructions that each executes, counted by valgrind. Prints two tables; the raw
# numbers go to BUILD_DIR/bench/startup.json. Takes about half a minute. BUILD_DIR is build/release, or what
# holds a build for shipping; needs hyperfine and python3, and valgrind for the second table.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=$(realpath -m "${1:-build/release}")
library=$(find "$build/lib" -name libsocksify.so -print -quit 2>/dev/null || true)
program=$(type -P true)
fail() {
  printf 'startup.sh: %s\n' "$*" >&2
  exit 1
}
if [ -z "$library" ] || [ ! -x "$build/bin/socksify" ]; then
  fail "no socksify in $build; build it: cmake --preset release && cmake --build --preset release"
fi
for tool in hyperfine python3; do
  command -v "$tool" >/dev/null || fail "needs $tool"
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset LD_PRELOAD "${!SOCKS@}"
# Every tool gets a configuration of its own with one proxy, which nobody contacts.
printf '[ProxyList]\nsocks5 127.0.0.1 1\n' >"$scratch/proxychains.conf"
printf 'server = 127.0.0.1\nserver_port = 1\nserver_type = 5\n' >"$scratch/tsocks.conf"
printf 'TorAddress 127.0.0.1\nTorPort 1\n' >"$scratch/torsocks.conf"
printf 'route { from: 0/0 to: 0/0 via: 127.0.0.1 port = 1 }\n' >"$scratch/dante.conf"

find_library() {
  local found
  found=$(ldconfig -p | awk -v name="$1" '$1 ~ "^" name {print $NF; exit}')
  [ -n "$found" ] || found=$(find /usr/lib /usr/local/lib -name "$1*" -print -quit 2>/dev/null)
  printf '%s' "$found"
}

names=(plain) commands=("$program")
add() {
  names+=("$1")
  commands+=("$2")
}
# The library alone, without the launcher or shell script before it: what each process of a session pays.
add_preload() {
  [ -z "$2" ] || add "$1" "env LD_PRELOAD=$2 ${3:+$3 }$program"
}
add "env, which the next lines contain" "env SOCKS_CONF= $program"
add_preload "socksify: preload" "$library"
add_preload "proxychains-ng: preload" "$(find_library libproxychains)" "PROXYCHAINS_CONF_FILE=$scratch/proxychains.conf PROXYCHAINS_QUIET_MODE=1"
add_preload "torsocks: preload" "$(find_library libtorsocks)" "TORSOCKS_CONF_FILE=$scratch/torsocks.conf"
add_preload "tsocks: preload" "$(find_library libtsocks)" "TSOCKS_CONF_FILE=$scratch/tsocks.conf"
add_preload "Dante: preload" "$(find_library libdsocks)" "SOCKS_CONF=$scratch/dante.conf"
add "socksify: launcher" "$build/bin/socksify -p socks5://127.0.0.1:1 $program"
command -v proxychains4 >/dev/null && add "proxychains-ng: launcher" "proxychains4 -q -f $scratch/proxychains.conf $program"
command -v torsocks >/dev/null && add "torsocks: launcher" "env TORSOCKS_CONF_FILE=$scratch/torsocks.conf torsocks $program"
command -v tsocks >/dev/null && add "tsocks: launcher" "env TSOCKS_CONF_FILE=$scratch/tsocks.conf tsocks $program"
dante=$(type -P socksify || true)
[ -n "$dante" ] && grep -q Inferno "$dante" && add "Dante: launcher" "env SOCKS_CONF=$scratch/dante.conf $dante $program"

mkdir -p "$build/bench"
export SOCKSIFY_STATE_DIR=$scratch
arguments=(--shell=none --warmup 20 --runs 300 --style none --export-json "$build/bench/startup.json")
for i in "${!names[@]}"; do arguments+=(--command-name "${names[i]}"); done
hyperfine "${arguments[@]}" "${commands[@]}" >/dev/null 2>"$scratch/hyperfine" || fail "$(cat "$scratch/hyperfine")"

python3 - "$build/bench/startup.json" <<'PYTHON'
import json, sys
results = json.load(open(sys.argv[1]))["results"]
plain = results[0]["median"]
env = results[1]["median"]
print(f"{'start of `true`':36} {'median ms':>10} {'min ms':>8} {'x plain':>8} {'added ms':>9}")
for index, result in enumerate(results):
    base = env if result["command"].endswith("preload") else plain
    added = "" if index < 2 else f"{(result['median'] - base) * 1e3:9.3f}"
    print(f"{result['command']:36} {result['median'] * 1e3:10.3f} {result['min'] * 1e3:8.3f}"
          f" {result['median'] / plain:8.2f} {added}")
print("added: to env for a preload, to plain for a launcher; medians of", len(results[0]["times"]), "runs")
PYTHON

command -v valgrind >/dev/null || exit 0
# The instructions of the last program in a chain of execs: what the preload itself costs.
printf '\n%-36s %12s %12s\n' "instructions of \`true\`" total added
for i in "${!names[@]}"; do
  case ${names[i]} in
    plain) command=(env "$program") ;;
    *preload) read -ra command <<<"${commands[i]}" ;;
    *) continue ;;
  esac
  rm -f "$scratch"/callgrind.*
  # With the assignments made by env before, valgrind runs the program alone.
  timeout 60 "${command[@]:0:${#command[@]}-1}" valgrind --tool=callgrind \
    --callgrind-out-file="$scratch/callgrind.%p" "$program" >/dev/null 2>&1 || continue
  count=$(awk '/^(summary|totals):/ {print $2; exit}' "$scratch"/callgrind.* | tail -n 1)
  [ "${names[i]}" != plain ] || first=$count
  printf '%-36s %12d %12d\n' "${names[i]}" "$count" $((count - first))
done
