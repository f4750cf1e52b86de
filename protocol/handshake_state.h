// SPDX-License-Identifier: BSD-2-Clause
// What a client machine waits for.
#pragma once

#include <cstdint>

namespace socksify {

enum class HandshakeState : uint8_t { kWrite, kRead, kDone, kFailed };

}  // namespace socksify
