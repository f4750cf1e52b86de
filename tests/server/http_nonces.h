// SPDX-License-Identifier: BSD-2-Clause
// HttpNonces: the Digest nonces of a server (RFC 7616 section 3.3) and what became of them. They outlive the
// connection that they were given on, so that a client may answer on another one. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace socksify::testserver {

class HttpNonces {
 public:
  // A new one, no other server's either. `generation` says how many of the client's nonces were stale before.
  std::string Issue(uint32_t generation);
  // The generation of a nonce that this server has issued.
  std::optional<uint32_t> GenerationOf(const std::string& nonce) const;
  // False when `nonce` has come with this count before, as in a replay.
  bool Use(const std::string& nonce, uint32_t count);

 private:
  struct Nonce {
    uint32_t generation = 0;
    std::set<uint32_t> counts;
  };

  std::map<std::string, Nonce> nonces_;
};

}  // namespace socksify::testserver
