#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# From a fresh checkout on Debian 12 to a first proxied connection, in one command:
#
#     examples/quickstart.sh
#
# It installs what the build needs and is missing (apt-get, as root or with sudo), builds into
# build/quickstart, starts the project's own SOCKS server on loopback with a page that only it knows, and
# fetches that page with an unchanged curl. Nothing is installed but Debian packages, and nothing keeps
# running. Ends with 0 if and only if the page came.

set -eu

packages="cmake ninja-build g++ libc-ares-dev libcli11-dev nlohmann-json3-dev curl"
host="hello.socksify.test"
page="Hello! Only the proxy knows where this page is."

root=$(cd "$(dirname "$0")/.." && pwd)
build="build/quickstart"
log="build/quickstart.log"
server_pid=""
scratch=""

say() { printf '%s\n' "$*"; }

fail() {
  printf 'quickstart: %s\n' "$*" >&2
  exit 1
}

# Runs a command with its noise in the log, and shows the end of the log if it fails.
quietly() {
  printf '\n$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null && return
  printf '\nThe last lines of the log:\n\n' >&2
  tail -n 20 "$log" | sed 's/^/    /' >&2
  printf '\n' >&2
  fail "failed: $*
quickstart: the whole log is $root/$log"
}

clean_up() {
  status=$?
  trap - EXIT HUP INT TERM
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  [ -z "$scratch" ] || rm -rf "$scratch"
  exit "$status"
}

missing_packages() {
  for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=""
    [ "$state" = installed ] || printf '%s ' "$package"
  done
}

install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    say "Not a Debian system: taking it that the equivalents of these are here: $packages"
    return
  fi
  missing=$(missing_packages)
  if [ -z "$missing" ]; then
    say "All packages that the build needs are here."
    return
  fi
  say "Installing ${missing% } ..."
  if [ "$(id -u)" -eq 0 ]; then
    as_root=""
  elif command -v sudo >/dev/null; then
    as_root="sudo"
    # Asks for the password, if it must, where the question can be seen.
    sudo -v || fail "sudo does not let you; as root, run: apt-get install $missing"
  else
    fail "missing packages, and neither root nor sudo; as root, run: apt-get install $missing"
  fi
  # Unquoted on purpose: empty for root, and one word per package.
  # shellcheck disable=SC2086
  quietly $as_root apt-get update
  # shellcheck disable=SC2086
  quietly $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}

build_all() {
  say "Building into $build (the log is $log) ..."
  # --fresh: a checkout that was moved or configured otherwise must not matter.
  quietly cmake --fresh -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSOCKSIFY_BUILD_TESTS=OFF
  quietly cmake --build "$build"
  for program in socksify socksify-testserver; do
    [ -x "$build/bin/$program" ] || fail "the build did not make $build/bin/$program; see $root/$log"
  done
}

start_server() {
  "$build/bin/socksify-testserver" --quiet --listen 127.0.0.1:0 --lifetime 300 \
    --page "$host=$page" --port-file "$scratch/port" >>"$log" 2>&1 &
  server_pid=$!
  tries=0
  while [ ! -s "$scratch/port" ]; do
    tries=$((tries + 1))
    kill -0 "$server_pid" 2>/dev/null || fail "the SOCKS server ended at once; see $root/$log"
    [ "$tries" -le 100 ] || fail "the SOCKS server did not start within ten seconds; see $root/$log"
    sleep 0.1
  done
  port=$(cat "$scratch/port")
}

show_that_the_system_does_not_know_the_name() {
  say ""
  say "\$ getent hosts $host"
  if timeout 10 getent hosts "$host"; then
    say "(Your name server invents an address for names that do not exist. socksify does not ask it.)"
  else
    say "(nothing: this system cannot resolve the name)"
  fi
}

fetch_the_page() {
  # Should curl have a proxy of its own in the environment, it is not what is shown here.
  unset http_proxy all_proxy ALL_PROXY
  say ""
  say "\$ $build/bin/socksify -v -p socks5://127.0.0.1:$port" \
    "curl --silent --show-error --max-time 20 http://$host/"
  fetched=0
  "$build/bin/socksify" -v -p "socks5://127.0.0.1:$port" \
    curl --silent --show-error --max-time 20 "http://$host/" \
    >"$scratch/page" 2>"$scratch/notes" </dev/null || fetched=$?
  cat "$scratch/notes" "$scratch/page"
  say ""
  [ "$fetched" -eq 0 ] || fail "the command ended with $fetched"
  [ "$(cat "$scratch/page")" = "$page" ] || fail "the page did not come as expected"
}

say_what_next() {
  say "It works. What to try next:"
  say "  1. Your own proxy:       $build/bin/socksify -p socks5://PROXY:1080 curl https://example.org/"
  say "  2. A whole shell:        $build/bin/socksify -p socks5://PROXY:1080 bash"
  say "  3. A chain of two:       $build/bin/socksify -p socks5://FIRST:1080,socks5://SECOND:1080 PROGRAM"
  say "  4. Rules in a file:      look into examples/, then $build/bin/socksify -f FILE PROGRAM"
  say "  5. Why it goes that way: $build/bin/socksctl explain -f FILE example.org:443"
}

cd "$root"
mkdir -p build
: >"$log"
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
scratch=$(mktemp -d)

install_missing
build_all
start_server
show_that_the_system_does_not_know_the_name
fetch_the_page
say_what_next
