#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What an interposed call adds on a descriptor that is none of the preload's, in nanoseconds:
#
#     tests/bench/hooks.sh [BUILD_DIR [ROUNDS]]
#
# First without a preload, where the differences are the noise of the machine, then under it. BUILD_DIR is
# build/release. Needs cc; opens no connection.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=$(realpath -m "${1:-build/release}")
rounds=${2:-201}
library=$(find "$build/lib" -name libsocksify.so -print -quit 2>/dev/null || true)
if [ -z "$library" ]; then
  echo "hooks.sh: no libsocksify.so in $build; build it: cmake --preset release && cmake --build --preset release" >&2
  exit 1
fi
unset LD_PRELOAD "${!SOCKS@}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cc -O2 -Wall -o "$scratch/hooks" tests/bench/hooks.c -ldl
echo "without a preload"
"$scratch/hooks" "$rounds"
echo
echo "under the preload"
LD_PRELOAD=$library SOCKSIFY_STATE_DIR=$scratch/state SOCKSIFY_PROXY=socks5://127.0.0.1:1 "$scratch/hooks" "$rounds"
