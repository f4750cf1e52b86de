// SPDX-License-Identifier: BSD-2-Clause
// What stands behind "Proxy-Authorization: ": Basic (RFC 7617) and Digest (RFC 7616) credentials, and the
// message that they go into.
//
// No allocation. Whatever is derived from a password on the way is wiped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/endpoint.h"
#include "protocol/http_challenge.h"
#include "protocol/message.h"

namespace socksify {

// A user name and a password. Wiped by Wipe() and when it goes.
class HttpCredentials {
 public:
  static constexpr size_t kMaxPartSize = 255;

  HttpCredentials() = default;
  HttpCredentials(const HttpCredentials&) = default;
  HttpCredentials& operator=(const HttpCredentials&) = default;
  ~HttpCredentials() { Wipe(); }

  // Neither may be longer than kMaxPartSize; what is beyond is dropped.
  void Set(std::string_view username, std::string_view password);
  void Wipe();
  std::string_view username() const { return {username_.data(), username_size_}; }
  std::string_view password() const { return {password_.data(), password_size_}; }

 private:
  uint8_t username_size_ = 0;
  uint8_t password_size_ = 0;
  std::array<char, kMaxPartSize> username_{};
  std::array<char, kMaxPartSize> password_{};
};

// "host:port"; the longest has a name.
constexpr size_t kMaxHttpTargetSize = Endpoint::kMaxNameSize + 6;
// A CONNECT that says the target three times, with a user name all of whose bytes are escaped, the texts of a
// challenge, and all that stands between these.
constexpr size_t kMaxHttpRequestSize =
    3 * kMaxHttpTargetSize + 2 * HttpCredentials::kMaxPartSize + DigestChallenge::kMaxTextSize + 330;
using HttpRequest = OutgoingMessage<kMaxHttpRequestSize>;

// Appends "Basic " and the credentials. The user name has no colon, and neither has control bytes.
void AppendBasic(std::string_view username, std::string_view password, HttpRequest* request);

// What a Digest response is made for, besides challenge and credentials.
struct DigestUse {
  std::string_view method;
  std::string_view uri;
  std::string_view cnonce;   // needs no escapes between quotes
  uint32_t nonce_count = 1;  // requests with this nonce, this one included
};

// A digest in lower-case hexadecimal digits.
struct HexDigest {
  std::string_view text() const { return {digits.data(), size}; }
  std::array<char, 64> digits{};
  size_t size = 0;
};

// The "response" (RFC 7616 section 3.4.1, RFC 2069 without qop).
HexDigest DigestResponse(const DigestChallenge& challenge, std::string_view username,
                         std::string_view password, const DigestUse& use);
// The "username" where the challenge wants it hashed (RFC 7616 section 3.4.4).
HexDigest HashedUsername(const DigestChallenge& challenge, std::string_view username);

// Appends "Digest " and all its parameters.
void AppendDigest(const DigestChallenge& challenge, const HttpCredentials& credentials, const DigestUse& use,
                  HttpRequest* request);

}  // namespace socksify
