// SPDX-License-Identifier: BSD-2-Clause
// What a proxy's refusals and its breaches of the protocol mean to the program behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/failure.h"

namespace socksify {

// One line of a protocol's table of refusals.
struct ReplyCode {
  uint16_t code;
  int error;  // errno(3)
  Fault fault;
  const char* reason;  // static text
};

// The entry of `code` in `table`, or null.
const ReplyCode* FindReplyCode(std::span<const ReplyCode> table, uint16_t code);

Failure Refusal(const ReplyCode& reply);

// The proxy said something that the protocol does not know: ECONNABORTED, the server's fault. `reason` is
// static.
Failure ProtocolViolation(const char* reason);

// The stream ended while a reply was awaited of which `received` bytes had come.
Failure ClosedByProxy(size_t received);

}  // namespace socksify
