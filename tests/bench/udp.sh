#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Datagrams per second through a SOCKS5 relay: a program under the preload, beside one that makes its association
# itself:
#
#     tests/bench/udp.sh [BUILD_DIR [ROUNDS]]
#
# Each call (tests/bench/udp_rate.c) with payloads of 64 and 1,200 bytes, by turns in ROUNDS (9) rounds: the rates are
# medians, and the ratio is the median of the rounds' ratios, with the lowest and the highest of them. 1 is a preload
# that costs nothing. Then the system calls of each datagram, where there is strace. BUILD_DIR is build/release, or what
# holds a build for shipping; `none` measures the program that does all by itself against itself, which shows the noise.
# Takes a minute; needs cc; only loopback is used. What the preload cannot do is told in the call's line, and is no
# failure.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=${1:-build/release}
rounds=${2:-9}
count=64000 # datagrams for each measurement; a multiple of the bursts and batches
fail() {
  printf 'udp.sh: %s\n' "$*" >&2
  exit 1
}
command -v cc >/dev/null || fail "needs cc"
library=
if [ "$build" != none ]; then
  library=$(find "$(realpath -m "$build")/lib" -name libsocksify.so -print -quit 2>/dev/null || true)
  [ -n "$library" ] ||
    fail "no libsocksify.so in $build; build it: cmake --preset release && cmake --build --preset release"
fi
unset LD_PRELOAD "${!SOCKS@}"
scratch=$(mktemp -d)
# shellcheck disable=SC2046
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT
cc -O2 -Wall -o "$scratch/udp_rate" tests/bench/udp_rate.c
"$scratch/udp_rate" relay "$scratch/shared" &
# shellcheck disable=SC2016
timeout 10 bash -c 'until [ "$(od -An -tu4 -N4 "$1" 2>/dev/null | tr -d " ")" -gt 0 ] 2>/dev/null; do sleep 0.1; done' \
  bash "$scratch/shared" || fail "the relay did not start"
port=$(od -An -tu4 -N4 "$scratch/shared" | tr -d ' ')

hand=("$scratch/udp_rate" hand)
ours=(env LD_PRELOAD="$library" SOCKSIFY_STATE_DIR="$scratch/state" SOCKSIFY_PROXY="socks5://127.0.0.1:$port"
  "$scratch/udp_rate" plain)
[ -n "$library" ] || ours=("${hand[@]}")

# The median of the numbers on standard input, the lowest and the highest.
spread() {
  sort -g | awk '{value[NR] = $1}
    END {print NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2, value[1], value[NR]}'
}

# row CALL SIZE: measures, and prints a line. Appends the ratio to $scratch/ratios.
row() {
  local of_hand of_ours median low high words
  : >"$scratch/pairs"
  for _ in $(seq "$rounds"); do
    of_hand=$("${hand[@]}" "$1" "$2" "$count" "$scratch/shared") || fail "$1 by hand does not work"
    if ! of_ours=$("${ours[@]}" "$1" "$2" "$count" "$scratch/shared" 2>"$scratch/errors"); then
      words=$(tail -n 1 "$scratch/errors")
      printf '%-10s %5s %12.0f %12s %8s  %s\n' "$1" "$2" "$(awk -v ns="$of_hand" 'BEGIN {print 1e9 / ns}')" - - \
        "${words:-ended early}"
      missing=$((missing + 1))
      return
    fi
    echo "$of_hand $of_ours" >>"$scratch/pairs"
  done
  read -r median low high < <(awk '{print $1 / $2}' "$scratch/pairs" | spread)
  read -r of_hand _ < <(awk '{print 1e9 / $1}' "$scratch/pairs" | spread)
  read -r of_ours _ < <(awk '{print 1e9 / $2}' "$scratch/pairs" | spread)
  printf '%-10s %5s %12.0f %12.0f %8.3f  %.3f to %.3f\n' "$1" "$2" "$of_hand" "$of_ours" "$median" "$low" "$high"
  echo "$median" >>"$scratch/ratios"
}

# calls_of COUNT CALL COMMAND...: how many system calls the whole program makes. The naps are those of the measurement.
calls_of() {
  local number=$1 call=$2
  shift 2
  timeout 60 strace -f -c -e 'trace=!clock_nanosleep,nanosleep' -o "$scratch/strace" \
    "$@" "$call" 64 "$number" "$scratch/shared" >/dev/null 2>&1 || return 1
  awk '$NF == "total" {print $4}' "$scratch/strace"
}

# calls_per_datagram CALL COMMAND...: what thousands of datagrams more make.
calls_per_datagram() {
  local few many
  if few=$(calls_of 640 "$@") && many=$(calls_of 6400 "$@"); then
    awk -v few="$few" -v many="$many" 'BEGIN {printf "%.3f", (many - few) / (6400 - 640)}'
  else
    printf -- -
  fi
}

missing=0
: >"$scratch/ratios"
calls=(sendto send sendmmsg recvfrom recvmmsg)
printf '%-10s %5s %12s %12s %8s  %s\n' call bytes "by hand: /s" "preload: /s" ratio "of the rounds"
for call in "${calls[@]}"; do
  for size in 64 1200; do row "$call" "$size"; done
done
if command -v strace >/dev/null; then
  printf '\n%-10s %12s %12s   system calls for each datagram\n' call "by hand" preload
  for call in "${calls[@]}"; do
    printf '%-10s %12s %12s\n' "$call" "$(calls_per_datagram "$call" "${hand[@]}")" \
      "$(calls_per_datagram "$call" "${ours[@]}")"
  done
fi
echo
if [ -s "$scratch/ratios" ]; then
  read -r median low high < <(spread <"$scratch/ratios")
  printf 'ratios: median %.3f, lowest %.3f, highest %.3f; %d calls do not work\n' "$median" "$low" "$high" "$missing"
else
  echo "no ratios: none of the calls works under the preload"
fi
