// SPDX-License-Identifier: BSD-2-Clause
// What the status of a proxy's response to CONNECT means to the program behind it (RFC 9110 section 15).
#pragma once

#include "base/failure.h"

namespace socksify {

// For any status but 1xx, 2xx and 407, which is part of the negotiation.
Failure HttpRefusal(int status);

}  // namespace socksify
