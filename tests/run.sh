#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Everything that a change must pass, in one command:
#
#     tests/run.sh [--quick] [--threads] [--jobs N]
#
# It installs the Debian packages that are missing (apt-get, as root or with sudo), then checks the format,
# builds with g++ and with clang, with and without sanitizers, runs every test, installs into a prefix and
# uses the result. Each step has a log in build/run-logs; when it fails, the tests that failed are shown, or the
# end of the log. The steps after a failed one run all the same. The last line adds up the tests of all steps and
# the steps themselves.
# Ends with 0 if nothing failed, with 1 if anything did, with 2 for a mistake in the command line.
#
#     --quick    only the developer build and its tests; installs nothing
#     --threads  a build with ThreadSanitizer and its tests as well, which take a few minutes more
#     --jobs N   at most N compilers and tests at a time (default: one for each processor)

set -uo pipefail

# A step that has nothing to work on ends with this.
readonly skipped_code=77

readonly build_packages=(cmake ninja-build make g++ ccache libc-ares-dev libcli11-dev nlohmann-json3-dev
  libgtest-dev libgmock-dev libbenchmark-dev python3 binutils clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev curl
  zsh)

usage() {
  sed -n '/^# Everything/,/^#     --jobs/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

misuse() {
  printf 'tests/run.sh: %s\n' "$*" >&2
  usage >&2
  exit 2
}

quick=no
threads=no
jobs=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=yes ;;
    --threads) threads=yes ;;
    --jobs)
      shift
      jobs=${1:-}
      ;;
    --jobs=*) jobs=${1#--jobs=} ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) misuse "unknown argument '$1'" ;;
  esac
  [ $# -eq 0 ] || shift
done
[ "$quick$threads" != yesyes ] || misuse "--quick and --threads exclude each other"
[[ $jobs =~ ^[1-9][0-9]*$ ]] || misuse "--jobs: expected a number from 1 on, found '$jobs'"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
readonly root jobs quick threads
readonly logs="$root/build/run-logs"
# Where several builds are made from scratch: a third of the work is to read headers again for each test, and to write
# what only a debugger wants to know. What is tested is compiled as it is shipped, once for all steps that want it so.
quicker=()
as_shipped=()
if [ "$quick" = no ]; then
  quicker=(-DSOCKSIFY_PRECOMPILE_HEADERS=ON -DCMAKE_CXX_FLAGS_DEBUG=-g1)
  as_shipped=(-DCMAKE_BUILD_TYPE=Release)
fi
readonly quicker as_shipped
rm -rf "$logs"
mkdir -p "$logs" || exit 1

# The surroundings of the person who runs this are not part of the tests.
unset LD_PRELOAD http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
unset "${!SOCKS@}"
export CMAKE_BUILD_PARALLEL_LEVEL=$jobs

passed=0
failed=0
skipped=0
failed_steps=()

# count_tests STEP: adds what ctest reported in the course of a step.
count_tests() {
  local report attribute number total_here failed_here skipped_here
  for report in "$logs/$1".*.xml; do
    [ -e "$report" ] || continue
    total_here=0 failed_here=0 skipped_here=0
    while IFS='=' read -r attribute number; do
      case $attribute in
        tests) total_here=$number ;;
        failures) failed_here=$number ;;
        skipped | disabled) skipped_here=$((skipped_here + number)) ;;
      esac
    done < <(sed -n '/<testsuite /,/>/p' "$report" | grep -oE '\b(tests|failures|disabled|skipped)="[0-9]+"' | tr -d '"')
    failed=$((failed + failed_here))
    skipped=$((skipped + skipped_here))
    passed=$((passed + total_here - failed_here - skipped_here))
    printf '   %d tests: %d failed, %d skipped\n' "$total_here" "$failed_here" "$skipped_here"
  done
}

# begin_step STEP: runs step_STEP beside what comes next, in a shell of its own that ends at the first failing command.
declare -A process_of started_at
begin_step() {
  # With a process group of its own, to be ended as a whole.
  set -m
  (
    set -e
    PS4='$ '
    set -x
    "step_$1"
  ) >"$logs/$1.log" 2>&1 </dev/null &
  process_of[$1]=$!
  started_at[$1]=$SECONDS
  set +m
}
# Nothing goes on when this ends before its time.
end_steps() {
  local process
  for process in "${process_of[@]}"; do kill -- "-$process" 2>/dev/null; done
}
trap end_steps EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# end_step STEP TITLE: waits for a step, and says what became of it.
end_step() {
  local step=$1 log="$logs/$1.log" status
  printf '\n== %s: %s\n' "$step" "$2"
  wait "${process_of[$step]}"
  status=$?
  unset "process_of[$step]"
  count_tests "$step"
  if [ $status -eq 0 ]; then
    passed=$((passed + 1))
    printf '   passed (%d s)\n' $((SECONDS - started_at[$step]))
  elif [ $status -eq $skipped_code ]; then
    skipped=$((skipped + 1))
    printf '   skipped: %s\n' "$(tail -n 1 "$log")"
  else
    failed=$((failed + 1))
    failed_steps+=("$step")
    printf '   FAILED (%d s): %s\n\n' $((SECONDS - started_at[$step])) "${log#"$root"/}"
    show_failure "$step" | sed 's/^/   | /'
  fi
}

# The tests that failed, or the end of the log if none did.
show_failure() {
  shopt -s nullglob
  python3 tests/failed_tests.py "$logs/$1".*.xml || tail -n 60 "$logs/$1.log"
}

run_step() {
  begin_step "$1"
  end_step "$1" "$2"
}

# ctest_of REPORT ARGUMENT...: ctest, whose totals count_tests finds. Many of the tests wait most of the time.
ctest_of() {
  local report="$logs/$1.xml"
  shift
  ctest --output-on-failure --timeout 300 --parallel $((2 * jobs)) --output-junit "$report" "$@"
}

all_packages() {
  printf '%s\n' "${build_packages[@]}"
  if [ -e tests/lab/packages.txt ]; then sed 's/#.*//' tests/lab/packages.txt | tr -s '[:blank:]' '\n'; fi
}

step_packages() {
  { set +x; } 2>/dev/null
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system; taking it that the equivalents of these are here:" "$(all_packages | tr '\n' ' ')"
    exit $skipped_code
  fi
  local package missing=() as_root=()
  for package in $(all_packages); do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] ||
      missing+=("$package")
  done
  echo "missing: ${missing[*]:-none}"
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
    if ! "${as_root[@]}" true; then
      echo "Packages are missing, and neither root nor sudo without a password. As root, run:"
      echo "    apt-get install --no-install-recommends ${missing[*]}"
      return 1
    fi
  fi
  "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=120 update
  # Servers among the packages would start at once; the tests start what they need themselves.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "${missing[@]}"
}

step_format() {
  find . \( -path './build*' -o -path './.*' \) -prune -o -type f \( -name '*.c' -o -name '*.cc' -o -name '*.h' \) -print0 |
    xargs -0 clang-format-19 --dry-run -Werror
}

step_dev() {
  cmake --preset dev "${quicker[@]}" "${as_shipped[@]}"
  cmake --build --preset dev
  ctest_of dev.all --preset dev --no-tests=error --label-exclude '^lab$'
}

step_lab() {
  ctest_of lab.all --preset dev --no-tests=error --label-regex '^lab$'
}

# A preload would come before the sanitizer's runtime, which wants to be first.
step_asan() {
  cmake --preset asan "${quicker[@]}"
  cmake --build --preset asan
  ctest_of asan.all --preset asan --no-tests=error --label-exclude '^(integration|lab)$'
}

# The parts that threads share. ctest is run folder by folder, because the others are not built.
step_tsan() {
  local folder
  cmake --preset tsan "${quicker[@]}"
  cmake --build --preset tsan --target tests/resolver/all tests/preload/all
  for folder in resolver preload; do
    ctest_of "tsan.$folder" --test-dir "build/tsan/tests/$folder" --label-exclude '^(integration|lab)$'
  done
}

# Without the tests and their server, which would more than double the time, and without compiling: clang does that in
# the step with AddressSanitizer.
step_tidy() {
  cmake --preset tidy -DSOCKSIFY_BUILD_TESTS=OFF
  # To the end, so that every finding is in the log.
  sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' build/tidy/compile_commands.json | grep -v -e "^$root/tests/" -e "\.S\$" | sort -u |
    nice xargs -P "$jobs" -n 1 clang-tidy-19 -p build/tidy --quiet --warnings-as-errors='*'
}

# What somebody does who has never heard of presets; the installed tree must work wherever it is moved to.
step_install() {
  local scratch host=installed.socksify.test page="The page came." port
  scratch=$(mktemp -d)
  # Expanded now: the name is this function's own.
  # shellcheck disable=SC2064
  trap "rm -rf '$scratch'" EXIT
  cmake -S . -B build/plain
  cmake --build build/plain
  cmake --install build/plain --prefix "$scratch/first"
  mv "$scratch/first" "$scratch/second"
  "$scratch/second/bin/socksify" --version
  "$scratch/second/bin/socksctl" --version

  build/plain/bin/socksify-testserver --quiet --listen 127.0.0.1:0 --lifetime 60 --page "$host=$page" \
    --port-file "$scratch/port" &
  # shellcheck disable=SC2064
  trap "kill $!; rm -rf '$scratch'" EXIT
  # shellcheck disable=SC2016
  timeout 10 sh -c 'until [ -s "$1" ]; do sleep 0.1; done' sh "$scratch/port"
  port=$(cat "$scratch/port")
  [ "$("$scratch/second/bin/socksify" -v -p "socks5://127.0.0.1:$port" \
    curl --silent --show-error --max-time 20 "http://$host/")" = "$page" ]
}

step_quickstart() {
  ./examples/quickstart.sh
}

if [ "$quick" = no ]; then
  run_step packages "Debian packages that the build and the tests need"
  run_step format "clang-format"
fi
if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
  # What it wants to be told of precompiled headers.
  export CCACHE_SLOPPINESS=pch_defines,time_macros
  # The same source with the same options is the same object, whichever build it is for.
  export CCACHE_NOHASHDIR=yes CCACHE_IGNOREOPTIONS=-Werror
fi
run_step dev "g++, warnings are errors; all tests but the lab's, and the fuzz corpora"
if [ "$quick" = yes ]; then
  run_step lab "real programs and servers in network namespaces"
else
  # The lab waits most of the time, and tidying does not mind to be kept waiting.
  begin_step lab
  run_step tidy "clang and clang-tidy over everything but the tests"
  end_step lab "real programs and servers in network namespaces, meanwhile"
  run_step asan "clang, AddressSanitizer and UndefinedBehaviorSanitizer; unit tests and the fuzz corpora"
  [ "$threads" = no ] || run_step tsan "ThreadSanitizer; tests of the resolver and of the preload"
  run_step install "a build without presets, installed, moved and used"
  run_step quickstart "examples/quickstart.sh"
fi

printf '\n'
[ ${#failed_steps[@]} -eq 0 ] || printf 'failed steps: %s\n' "${failed_steps[*]}"
printf "took %d s\n%d passed, %d failed, %d skipped\n" "$SECONDS" "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
