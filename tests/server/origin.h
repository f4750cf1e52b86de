// SPDX-License-Identifier: BSD-2-Clause
// Origins: what stands behind the names that only this server knows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace socksify::testserver {

enum class OriginKind : uint8_t {
  kUnknown,  // refused: host unreachable
  kAddress,  // a real address, connected to
  kPage,     // the server itself, as an HTTP/1.1 server with one page
  kEcho,     // the server itself, sending back what it gets
  kDiscard,  // the server itself, swallowing what it gets
  kRefuse,   // refused with `code`
};

// The {} keep -Wmissing-field-initializers quiet where only some members are named.
struct Origin {
  OriginKind kind = OriginKind::kUnknown;
  std::string text{};  // kAddress: the IP address; kPage: the page's body
  uint16_t port = 0;   // kAddress: 0 for the port that the client asked for
  uint8_t code = 0;    // kRefuse: the SOCKS5 reply code
};

// One connection to an origin that the server plays itself; without I/O.
class BuiltInOrigin {
 public:
  explicit BuiltInOrigin(Origin origin) : origin_(std::move(origin)) {}

  // Takes bytes of the client and returns the answer, which may be empty.
  std::string Receive(std::string_view data);
  // True once the origin wants the connection to end behind its last answer.
  bool wants_close() const { return wants_close_; }

 private:
  std::string ReceiveHttp(std::string_view data);

  Origin origin_;
  std::string request_;  // what has come of the current HTTP request's head
  bool wants_close_ = false;
};

}  // namespace socksify::testserver
