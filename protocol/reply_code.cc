// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/reply_code.h"

#include <algorithm>
#include <cerrno>

namespace socksify {

const ReplyCode* FindReplyCode(std::span<const ReplyCode> table, uint16_t code) {
  const auto entry = std::ranges::find(table, code, &ReplyCode::code);
  return entry != table.end() ? &*entry : nullptr;
}

Failure Refusal(const ReplyCode& reply) {
  return {.fault = reply.fault, .error = reply.error, .reply_code = reply.code, .reason = reply.reason};
}

Failure ProtocolViolation(const char* reason) {
  return {.fault = Fault::kServer, .error = ECONNABORTED, .reply_code = -1, .reason = reason};
}

Failure ClosedByProxy(size_t received) {
  return ProtocolViolation(received == 0 ? "the proxy closed the connection without a reply"
                                         : "the proxy closed the connection in the middle of a reply");
}

}  // namespace socksify
