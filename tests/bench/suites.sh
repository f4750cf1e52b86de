#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Large test suites of other projects, as Debian ships them, without socksify and with it:
#
#     tests/bench/suites.sh [--proxied] [BUILD_DIR [WORD...]]
#
# Every route is direct, so nothing may change: each test must come out the same. With --proxied every TCP connection,
# those to the machine itself as well, goes through danted; then tests differ that look at what no proxy carries, such
# as urgent data. Prints a table of the suites, then every test that differs. With words, only the suites whose name
# holds all of them. Takes about ten minutes. Run as root each suite has a network namespace of its own, and missing
# packages are installed. BUILD_DIR is build/release, or what holds another build. Ends with 0 if nothing differs, with
# 1 otherwise.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."

how=direct
if [ "${1:-}" = --proxied ]; then
  how=proxied
  shift
fi
build=$(realpath -m "${1:-build/release}")
[ $# -eq 0 ] || shift
fail() {
  printf 'suites.sh: %s\n' "$*" >&2
  exit 1
}
[ "$how" = direct ] || [ "$(id -u)" -eq 0 ] || fail "--proxied needs root, for a network namespace"
[ -x "$build/bin/socksify" ] ||
  fail "no socksify in $build; build it: cmake --preset release && cmake --build --preset release"

readonly packages=(libpython3.11-testsuite python3.11 python3-twisted python3-tornado dante-server iproute2 util-linux)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  install=(apt-get install -y --no-install-recommends "${missing[@]}")
  [ "$(id -u)" -eq 0 ] || fail "packages are missing; as root: ${install[*]}"
  { apt-get -o DPkg::Lock::Timeout=120 update && DEBIAN_FRONTEND=noninteractive "${install[@]}"; } >&2
fi
exec /usr/bin/python3 -B "$here/suites.py" "$build/bin" "$how" "$@"
