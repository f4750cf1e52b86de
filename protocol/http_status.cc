// SPDX-License-Identifier: BSD-2-Clause
#include "protocol/http_status.h"

#include <cerrno>

#include "protocol/reply_code.h"

namespace socksify {
namespace {

// 502 and 504 are about what lies behind the proxy, like SOCKS5's replies 4 and 6; 500 and 503 are about the
// proxy itself.
constexpr ReplyCode kStatuses[] = {
    {400, EOPNOTSUPP, Fault::kServer, "the proxy does not do CONNECT: 400 Bad Request"},
    {401, EACCES, Fault::kServer, "the proxy refused: 401 Unauthorized"},
    {403, EACCES, Fault::kDestination, "the proxy refused: 403 Forbidden"},
    {404, EHOSTUNREACH, Fault::kDestination, "the proxy refused: 404 Not Found"},
    {405, EOPNOTSUPP, Fault::kServer, "the proxy does not do CONNECT: 405 Method Not Allowed"},
    {408, ETIMEDOUT, Fault::kServer, "the proxy refused: 408 Request Timeout"},
    {429, EACCES, Fault::kServer, "the proxy refused: 429 Too Many Requests"},
    {451, EACCES, Fault::kDestination, "the proxy refused: 451 Unavailable For Legal Reasons"},
    {500, EHOSTUNREACH, Fault::kServer, "the proxy failed: 500 Internal Server Error"},
    {501, EOPNOTSUPP, Fault::kServer, "the proxy does not do CONNECT: 501 Not Implemented"},
    {502, EHOSTUNREACH, Fault::kDestination, "the proxy refused: 502 Bad Gateway"},
    {503, EHOSTUNREACH, Fault::kServer, "the proxy refused: 503 Service Unavailable"},
    {504, ETIMEDOUT, Fault::kDestination, "the proxy refused: 504 Gateway Timeout"},
    {505, EOPNOTSUPP, Fault::kServer, "the proxy does not do HTTP/1.1: 505 HTTP Version Not Supported"},
};

ReplyCode ByClass(uint16_t status) {
  if (status < 400) return {status, EACCES, Fault::kServer, "the proxy redirects instead of connecting"};
  if (status < 500) return {status, EACCES, Fault::kDestination, "the proxy refused with a 4xx status"};
  return {status, EHOSTUNREACH, Fault::kServer, "the proxy failed with a 5xx status"};
}

}  // namespace

Failure HttpRefusal(int status) {
  const auto code = static_cast<uint16_t>(status);
  const ReplyCode* const known = FindReplyCode(kStatuses, code);
  return Refusal(known != nullptr ? *known : ByClass(code));
}

}  // namespace socksify
