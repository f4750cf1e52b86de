// SPDX-License-Identifier: BSD-2-Clause
#include "tools/control_help.h"

namespace socksify {

constexpr char kControlHelp[] =
    R"help(socksctl - look into a socksify configuration, and what programs share under it

Usage:
  socksctl check   [OPTION]... [--strict]
  socksctl explain [OPTION]... [--process NAME] [--user NAME|ID] HOST:PORT[/udp]
  socksctl names   [OPTION]... [--clear]
  socksctl convert [OPTION]... FILE
  socksctl health  [OPTION]... [--clear]
  socksctl probe   [OPTION]... [--to HOST:PORT] [SERVER|URL]...
  socksctl env     [OPTION]... [--shell SHELL] [--ask-password | --unset]
  socksctl summary [--json] TRACE

A configuration:
  check              report every error and warning
      --strict       warnings are errors
  explain            show which line decides about a destination, the paths that
                     are tried, and how its name is resolved; PORT may be the name
                     of a service, an IPv6 address stands in brackets
      --process NAME as if asked by the program of that name
      --user NAME|ID as if asked by that user, not by you
  convert            print another client's FILE in socksify's language

What programs share:
  names              list the names that have fake addresses, the one used last
                     first: IPv4 address, IPv6 address, name
  health             list what has been found out about the proxy servers: good or
                     bad, for how long, failures, connect times
      --clear        empty that table, also while programs run, and say how many
                     there were

Proxy servers:
  probe              reach the named servers of the configuration, or all of them,
                     and find out what they can do: protocols, authentication
                     methods, commands, round trips
      --to HOST:PORT the destination of CONNECT requests; without it they name
                     0.0.0.0 and port 0
  summary            what the connections in TRACE (`socksify --trace`) come to,
                     by route and by server

A shell:
  env                print what makes the programs that the shell starts go
                     through socksify: eval "$(socksctl env)"
      --shell sh|csh|fish
                     in the language of that shell (default: sh)
      --ask-password ask for passwords that are known from an earlier start, too
      --unset        print what takes it back

Options of all but summary; convert takes no -f and no -p:
  -f, --file FILE    read the routes from FILE
      --format NAME  FILE is another client's, or taken for one wrongly: socksify,
                     socks4.2, nec, hummingbird, tsocks, proxychains, torsocks;
                     without it the content decides
  -p, --proxy URL[,URL]...
                     what `socksify -p` would do

  Without -f and -p, the first of these that exists: $SOCKS_CONF, the variables
  that name a proxy ($SOCKS5_SERVER, ...), ~/.config/socksify/socks.conf,
  /etc/socks.conf.

Options of all:
      --json         print one JSON object
  -h, --help         show this text
      --version      show the version

Exit status: 0 if all is well (a table that is empty or not there is), 1 if the
configuration has errors (with --strict: or warnings), a table or a file cannot
be used, a server that was probed cannot, or a password cannot be had, 2 for a
mistake in the command line.

Examples:
  socksctl check -f ./socks.conf --json
  socksctl explain example.org:https
  socksctl explain --process curl '[2001:db8::1]:443'
  socksctl explain -p socks5://127.0.0.1:1080 192.0.2.7:53/udp
  socksctl convert /etc/libsocks5.conf > ~/.config/socksify/socks.conf
  socksctl probe socks5://127.0.0.1:1080 --to example.org:443
  eval "$(socksctl env -p socks5://127.0.0.1:1080)"
)help";

}  // namespace socksify
