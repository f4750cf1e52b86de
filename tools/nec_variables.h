// SPDX-License-Identifier: BSD-2-Clause
// What runsocks takes from NEC's variables and file beyond what every configuration reads.
#pragma once

#include "routing/config.h"
#include "tools/launch_options.h"

namespace socksify {

// Where the command line names no configuration: that of SOCKS5_LIBCONF; else whatever `socksify` takes from
// the environment (SOCKS_CONF, SOCKSIFY_PROXY, SOCKS5_SERVER and the like); else /etc/libsocks5.conf, if
// there is one. SOCKS5_DEBUG and SOCKS5_LOG_STDERR, unless empty or 0, ask for a line for each connection.
void ApplyNecVariables(const ConfigHost& host, LaunchOptions* options);

}  // namespace socksify
