// SPDX-License-Identifier: BSD-2-Clause
// The real machine, for LoadConfig.
#pragma once

#include "routing/config.h"

namespace socksify {

// secure_getenv(3), open(2), getservbyname_r(3), getifaddrs(3). Thread-safe as those are.
ConfigHost LocalConfigHost();

}  // namespace socksify
