// SPDX-License-Identifier: BSD-2-Clause
// The real machine, for LoadConfig.
#pragma once

#include "routing/config.h"

namespace socksify {

// secure_getenv(3), open(2), getpwnam_r(3), getservbyname_r(3), getifaddrs(3). Thread-safe as those are.
ConfigHost LocalConfigHost();

// The same without user_id and service_port, which are null: libc looks users and services up by modules that
// it loads (nsswitch.conf(5)).
ConfigHost ConfigHostWithoutNss();

}  // namespace socksify
