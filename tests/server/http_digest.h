// SPDX-License-Identifier: BSD-2-Clause
// The `response` of HTTP Digest (RFC 7616 section 3.4.1, RFC 2069 where there is no qop).
#pragma once

#include <string>

namespace socksify::testserver {

// What goes into it, without quotes.
struct DigestInput {
  std::string algorithm;  // MD5, SHA-256, MD5-sess, SHA-256-sess
  std::string user;
  std::string realm;
  std::string password;
  std::string nonce;
  std::string qop;  // auth, auth-int, or empty
  std::string count;
  std::string client_nonce;
  std::string method;
  std::string uri;
};

// In hexadecimal digits, for a message without a body; empty for an algorithm that is not known.
std::string DigestResponse(const DigestInput& input);

}  // namespace socksify::testserver
