#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# completions_test.sh FOLDER: asks the bash completion in FOLDER as readline would, and has zsh load its own
# (completions_test.zsh). Ends with 77, the code of a skipped test, when all is well but there is no zsh.
set -u
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
failures=0
empty=$(mktemp -d) && trap 'rm -rf "$empty"' EXIT
cd "$empty" && touch a.conf b.log || exit 1
compopt() { :; }
source "$folder/bash/socksify" || exit 1

# expect WANTED FUNCTION WORD...: what FUNCTION offers for the last WORD, sorted, is WANTED. The words are those
# that readline makes, which ends them at `:` and `=`.
expect() {
  local wanted=$1 function=$2
  shift 2
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  "$function"
  local found
  found=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort -u | tr '\n' ' ')
  if [[ ${found% } != "$wanted" ]]; then
    echo "$*: expected '$wanted', found '${found% }'" >&2
    failures=$((failures + 1))
  fi
}

expect '--ask-password --file --format --help --io-uring= --log --proxy --summary --trace --verbose --version -f -h -p -v' \
  _socksify socksify -
expect '--verbose --version' _socksify socksify --ver
expect '--log' _socksify runsocks -v --l
expect 'a.conf b.log' _socksify socksify -f ''
expect 'a.conf' _socksify socksify -v --file a
expect 'b.log' _socksify socksify --log = b
expect 'http:// socks4:// socks4a:// socks5://' _socksify socksify -p ''
expect 'socks4:// socks4a://' _socksify socksify -v -p socks4
expect '//' _socksify socksify -p socks5 :
expect '' _socksify socksify -p gopher
expect '//10.0.0.1,socks4:// //10.0.0.1,socks4a://' _socksify socksify -p socks5 : //10.0.0.1,socks4
expect 'allow deny' _socksify socksify --io-uring = ''
expect 'deny' _socksify socksify --io-uring = d
expect 'deny' _socksify socksify --io-uring d
expect 'mkfifo' _socksify socksify -p socks5 : //10.0.0.1 : 1080 mkfif
expect 'mkfifo' _socksify socksify -- mkfif
# Behind the program, its own arguments: files where nobody knows better.
expect 'a.conf' _socksify socksify -v cat a
expect '' _socksify socksify cat --ver
_command_offset() { COMPREPLY=("offset-$1"); }
expect 'offset-2' _socksify socksify -v cat --ver
expect 'offset-7' _socksify socksify -p socks5 : //h : 1080 cat ''
expect 'offset-3' _socksify socksify -v -- cat ''

expect 'check convert env explain health names probe summary' _socksctl socksctl ''
expect 'env explain' _socksctl socksctl e
expect 'b.log' _socksctl socksctl summary --json b
expect 'check convert' _socksctl socksctl -f a.conf c
expect 'a.conf' _socksctl socksctl check -f a
expect '--file --format --help --json --proxy --strict --version -f -h -p' _socksctl socksctl check -
expect '--clear' _socksctl socksctl names --c
expect '' _socksctl socksctl check --c
expect '--process --proxy' _socksctl socksctl explain --pro
expect '--clear' _socksctl socksctl health --c
expect '--user' _socksctl socksctl explain --us
expect 'root' _socksctl socksctl explain --user roo
expect '--to' _socksctl socksctl probe --t
expect '' _socksctl socksctl probe --to ''
expect 'socks5://' _socksctl socksctl probe --to a : 1 socks5
expect '--format --help --json --version -h' _socksctl socksctl convert -
expect 'a.conf' _socksctl socksctl convert --format nec a
expect '--help --json --version -h' _socksctl socksctl summary -
expect 'tsocks' _socksctl socksctl check --format ts
expect 'nec' _socksify socksify --format = n
expect '--unset' _socksctl socksctl env --u
expect 'csh fish sh' _socksctl socksctl env --shell ''
expect 'fish' _socksctl socksctl env --shell = f

[[ $(complete -p socksify runsocks socksctl) == *'_socksify socksify'*'_socksify runsocks'*'_socksctl socksctl'* ]] ||
  { echo "the functions are not bound to the commands" >&2; failures=$((failures + 1)); }

((failures == 0)) || exit 1
if command -v zsh >/dev/null; then
  zsh -n "$folder/zsh/_socksify" && zsh -f "$here/completions_test.zsh" "$folder/zsh" || exit 1
else
  echo "skipped: there is no zsh to load its file" >&2
  exit 77
fi
