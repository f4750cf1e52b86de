#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh BUILD_DIR [--large] [--slow] [--direct] [WORD...]: runs real programs through real SOCKS servers in network
# namespaces of its own. With words, only the cases whose name holds all of them. The options are in README.md.
# Exit status: 0, 1 for failures, 77 when everything was skipped, 2 for a mistake in the arguments, 3 when something of
# the run is left (contained.sh).
set -u

Skip() {
  echo "skip  lab: $1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 77
}

[ $# -ge 1 ] && [ -x "$1/bin/socksify" ] || { echo "usage: run.sh BUILD_DIR [--large] [--slow] [--direct] [WORD...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift

[ "$(id -u)" = 0 ] || Skip "needs root, to make network namespaces"
for tool in bash unshare setpriv python3; do
  command -v $tool >/dev/null || Skip "$tool is not installed"
done
why=$(unshare --mount --net --pid --fork --mount-proc true 2>&1) || Skip "no namespaces here: $why"

exec "$here/contained.sh" python3 -B "$here/lab.py" "$build" "$@"
