// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/http_digest.h"

#include <string_view>

#include "tests/server/message_digest.h"

namespace socksify::testserver {

std::string DigestResponse(const DigestInput& input) {
  constexpr std::string_view kSession = "-sess";
  std::string base = input.algorithm;
  const bool is_session = base.ends_with(kSession);
  if (is_session) base.resize(base.size() - kSession.size());
  if (base != "MD5" && base != "SHA-256") return {};
  const auto hash = base == "MD5" ? Md5Hex : Sha256Hex;

  std::string secret = hash(input.user + ":" + input.realm + ":" + input.password);
  if (is_session) secret = hash(secret + ":" + input.nonce + ":" + input.client_nonce);
  std::string message = input.method + ":" + input.uri;
  if (input.qop == "auth-int") message += ":" + hash("");
  std::string middle = input.nonce;
  if (!input.qop.empty()) middle += ":" + input.count + ":" + input.client_nonce + ":" + input.qop;
  return hash(secret + ":" + middle + ":" + hash(message));
}

}  // namespace socksify::testserver
