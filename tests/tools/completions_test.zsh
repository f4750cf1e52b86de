#!/usr/bin/env zsh
# SPDX-License-Identifier: BSD-2-Clause
# completions_test.zsh FOLDER: has an interactive shell on a pseudo terminal load the completion in FOLDER as compinit
# finds it, types beginnings of commands, and looks at what a tab makes of them.
zmodload zsh/zpty || exit 1
integer failures=0

# What stands between the next two marks that the shell prints: the rest on its terminal is echo.
answer() {
  local text
  zpty -r -m shell text $'*\x01*\x02*' || { print -ru2 "the shell has ended: $text"; exit 1 }
  REPLY=${${text##*$'\x01'}%%$'\x02'*}
}

# expect BEGINNING WANTED: what the line becomes.
expect() {
  zpty -n -w shell "$1"$'\x14'
  answer
  [[ $REPLY == "$2" ]] && return
  print -ru2 -- "$1: expected '$2', found '$REPLY'"
  failures+=1
}

zpty shell zsh -f -i
# The marks are written as escapes, so that the echo has none.
zpty -w shell "PS1= PS2= fpath=(${(qq)1} \$fpath); cd ${(qq)PWD}; autoload -Uz compinit; compinit -D -u
report() { zle complete-word; print -n \"\\x01\$LBUFFER\\x02\"; zle kill-whole-line }
zle -N report; bindkey '^T' report; unsetopt beep auto_list; print '\\x01ready\\x02'"
answer
[[ $REPLY == ready ]] || { print -ru2 "the shell says '$REPLY'"; exit 1 }

expect 'socksify --vers' 'socksify --version '
expect 'socksify --io-uring=d' 'socksify --io-uring=deny '
expect 'socksify -p http' 'socksify -p http://'
expect 'socksify -p http://h,socks5' 'socksify -p http://h,socks5://'
expect 'socksify -f a.c' 'socksify -f a.conf '
expect 'runsocks --tr' 'runsocks --trace '
expect 'socksify -v -- mkfif' 'socksify -v -- mkfifo '
expect 'socksctl ex' 'socksctl explain '
expect 'socksctl check --str' 'socksctl check --strict '
expect 'socksctl --format hum' 'socksctl --format hummingbird '
expect 'socksctl --bog' 'socksctl --bog'
zpty -d shell
exit $((failures > 0))
