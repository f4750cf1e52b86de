#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# contained.sh COMMAND [ARG...]: runs a command, as root, inside one private PID and mount namespace. Whatever ends it,
# be it SIGKILL, takes along every process, mount and network namespace that the run has made, and nothing else.
#
# Ends as the command does, or with 128 and the number of the signal that interrupted this script. That nothing is left
# is looked up at the end: 3, and a line for each process that is still in a namespace of the run's. The command may
# name further ones, as `readlink /proc/self/ns/net` prints them, in the file $CONTAINED_NAMESPACES.
set -u
namespaces=$(mktemp) || exit 3
trap 'rm -f "$namespaces"' EXIT
interrupted=0

# The processes in a namespace of the run's. One that has ended, and whose parent has not asked for it, is none.
Left() {
  local link namespace words
  find /proc/[0-9]*/ns/pid /proc/[0-9]*/ns/net -maxdepth 0 -printf '%p %l\n' |
    grep -F -f "$namespaces" |
    while read -r link namespace; do
      grep -q '^State:.Z' "${link%/ns/*}/status" && continue
      words=$(tr '\0' ' ' <"${link%/ns/*}/cmdline") || continue
      printf 'contained.sh: left behind in %s: %s\n' "$namespace" "$words"
    done
}

# shellcheck disable=SC2016
CONTAINED_NAMESPACES=$namespaces setpriv --pdeathsig KILL \
  unshare --mount --pid --fork --kill-child --mount-proc -- \
  sh -c 'readlink /proc/self/ns/pid >"$CONTAINED_NAMESPACES" && exec "$@"' sh "$@" <&0 &
child=$!
# Otherwise the shell would say that the child was killed. What it has to say itself goes to 3.
exec 3>&2 2>/dev/null
for signal in HUP:1 INT:2 TERM:15; do
  # shellcheck disable=SC2064
  trap "interrupted=$((128 + ${signal#*:})); kill -KILL $child" "${signal%:*}"
done
wait $child
status=$?
if [ $interrupted -ne 0 ]; then
  status=$interrupted
  wait $child
fi
# What has been killed may take a moment to be gone.
for _ in {1..50}; do
  left=$(Left)
  [ -n "$left" ] || exit $status
  sleep 0.1
done
printf '%s\n' "$left" >&3
exit 3
