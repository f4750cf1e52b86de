// SPDX-License-Identifier: BSD-2-Clause
// What runsocks takes from NEC's variables and file beyond what every configuration reads.
#pragma once

#include "routing/config.h"
#include "tools/launch_options.h"

namespace socksify {

// Where the command line names no configuration: the file of SOCKS5_LIBCONF; else what SOCKS_CONF or
// SOCKSIFY_PROXY says; else /etc/libsocks5.conf, if there is one. As in NEC's client such a file decides,
// and SOCKS5_SERVER and the like are the servers of its lines that name none; without a file they are
// proxies for everything, as with `socksify`. A file of NEC's is in NEC's language unless it is plainly in
// ours or `--format` says otherwise. SOCKS5_DEBUG and SOCKS5_LOG_STDERR, unless empty or 0, ask for a line
// for each connection.
void ApplyNecVariables(const ConfigHost& host, LaunchOptions* options);

}  // namespace socksify
