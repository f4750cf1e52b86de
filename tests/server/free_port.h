// SPDX-License-Identifier: BSD-2-Clause
// FreePort(): a TCP port that is nobody's, for another program to bind.
#pragma once

#include <cstdint>

namespace socksify::testserver {

// None of those that the kernel chooses (ip_local_port_range, ip(7)): a test that runs at the same time does
// not come to it by chance, as it may to one on which somebody has just ceased to listen. Throws when all are
// taken.
uint16_t FreePort();

}  // namespace socksify::testserver
