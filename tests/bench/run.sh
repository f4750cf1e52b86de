#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# socksify beside its peers, measured in one run:
#
#     tests/bench/run.sh [--quick] [--json FILE] [--build DIR] [WORD...]
#
# Builds for shipping into build/bench (or takes what --build names), installs the missing Debian packages, and
# measures in network namespaces of its own, ten minutes at the most, and a minute or two with --quick, whose numbers
# mean little. With words, only the rows whose name holds one of them. Prints a table; docs/performance.md tells what it
# says. Runs as root; leaves nothing running, and looks whether that is so (tests/lab/contained.sh).

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}

build="" arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --build)
      [ $# -ge 2 ] || fail "--build needs a folder"
      build=$(realpath -m "$2")
      shift
      ;;
    --json)
      [ $# -ge 2 ] || fail "--json needs a file"
      arguments+=(--json "$(realpath -m "$2")")
      shift
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

[ "$(id -u)" -eq 0 ] || fail "needs root, to make network namespaces"
packages=(dante-client dante-server microsocks proxychains4 torsocks tsocks dnsmasq-base nftables iproute2 procps strace valgrind util-linux
  python3 gcc libc6-dev)
packages+=(cmake)
[ -n "$build" ] || packages+=(g++ libc-ares-dev libcli11-dev nlohmann-json3-dev libbenchmark-dev)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  { apt-get -o DPkg::Lock::Timeout=120 update &&
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends \
      "${missing[@]}"; } >&2 || echo "run.sh: not installed: ${missing[*]}" >&2
fi
if [ -z "$build" ]; then
  build=$root/build/bench
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DSOCKSIFY_BUILD_BENCHMARKS=ON >/dev/null
  cmake --build "$build" --parallel "$(nproc)" \
    --target socksify socksctl socksify_preload socksify-testserver route_bench >&2
fi
[ -x "$build/bin/socksify-testserver" ] || fail "no socksify-testserver in $build"
# As a package has it, like the peers' own.
rm -rf "$build/installed"
cmake --install "$build" --strip --prefix "$build/installed" >/dev/null
why=$(unshare --mount --net --pid --fork --mount-proc true 2>&1) || fail "no namespaces here: $why"

exec "$root/tests/lab/contained.sh" \
  timeout --kill-after=5 600 /usr/bin/python3 -B "$here/run.py" "$build" "${arguments[@]}"
