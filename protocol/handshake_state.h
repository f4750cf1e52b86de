// SPDX-License-Identifier: BSD-2-Clause
// What a client machine waits for.
#pragma once

#include <cstdint>

namespace socksify {

enum class HandshakeState : uint8_t {
  kWrite,
  kRead,
  kReconnect,  // only HTTP: the caller connects anew, as protocol/handshake.h shows
  kDone,
  kFailed,
};

}  // namespace socksify
