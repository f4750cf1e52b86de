# SPDX-License-Identifier: BSD-2-Clause
# dtls.sh HOST PORT SCRATCH: sends a line to a DTLS server that echoes, and prints what comes back. s_client ends with
# its input, which is held open until then. The server begins anew after each client, so a second try is fair.
mkfifo "$3/in"
exec 4<>"$3/in"
echo hello >&4
Try() {
  timeout 8 openssl s_client -quiet -no_ign_eof -dtls -connect "$1:$2" <"$3/in" >"$3/out" 2>"$3/errors" 4>&- &
  for _ in $(seq 50); do
    if [ -s "$3/out" ] || ! kill -0 $!; then break; fi
    sleep 0.1
  done 2>/dev/null
}
Try "$@"
[ -s "$3/out" ] || ! grep -q errno=111 "$3/errors" || { sleep 1; Try "$@"; }
exec 4>&-
wait
cat "$3/errors" >&2
cat "$3/out"
