#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Fuzzes every target for a while:
#
#     tests/fuzz/run.sh [SECONDS [TARGET...]]
#
# SECONDS is the time for each target (default 60), TARGET the name of a source here without `.cc` (default:
# all). Starts from the corpus in the tree; what is found goes to build/fuzz-corpus/TARGET, and an input that
# crashes to build/fuzz-crashes, never into the tree. Ends with 0 if no target found anything wrong. Needs
# clang-19 and libclang-rt-19-dev.

set -euo pipefail

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || {
  printf 'tests/fuzz/run.sh: expected a number of seconds from 1 on, found '\''%s'\''\n' "$seconds" >&2
  exit 2
}
[ $# -eq 0 ] || shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/*_fuzz.cc; do
    targets+=("$(basename "$source" .cc)")
  done
fi
for target in "${targets[@]}"; do
  [ -e "tests/fuzz/$target.cc" ] || {
    printf 'tests/fuzz/run.sh: there is no tests/fuzz/%s.cc\n' "$target" >&2
    exit 2
  }
done

# The targets alone: the shared object cannot be linked with clang's sanitizers.
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${targets[@]}"

failed=()
for target in "${targets[@]}"; do
  printf '\n== %s: %s s\n' "$target" "$seconds"
  found="build/fuzz-corpus/$target"
  mkdir -p "$found" build/fuzz-crashes
  # The first directory takes what is new; the others are only read.
  directories=("$found")
  [ ! -d "tests/fuzz/corpus/$target" ] || directories+=("tests/fuzz/corpus/$target")
  "$(find build/fuzz -type f -name "$target" -perm -u+x -print -quit)" \
    -verbosity=0 -print_final_stats=1 -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="build/fuzz-crashes/$target-" "${directories[@]}" || failed+=("$target")
done

printf '\n'
if [ ${#failed[@]} -gt 0 ]; then
  printf 'failed: %s; the inputs are in build/fuzz-crashes\n' "${failed[*]}"
  exit 1
fi
printf '%d targets, nothing found\n' ${#targets[@]}
