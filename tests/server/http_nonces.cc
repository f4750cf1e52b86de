// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/http_nonces.h"

#include <chrono>

#include "tests/server/message_digest.h"

namespace socksify::testserver {

std::string HttpNonces::Issue(uint32_t generation) {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  // The sign at the end is one that stands between name and value as well.
  std::string nonce = Md5Hex(std::to_string(now) + ":" + std::to_string(nonces_.size())) + "==";
  nonces_[nonce].generation = generation;
  return nonce;
}

std::optional<uint32_t> HttpNonces::GenerationOf(const std::string& nonce) const {
  const auto found = nonces_.find(nonce);
  if (found == nonces_.end()) return std::nullopt;
  return found->second.generation;
}

bool HttpNonces::Use(const std::string& nonce, uint32_t count) {
  return nonces_[nonce].counts.insert(count).second;
}

}  // namespace socksify::testserver
