// SPDX-License-Identifier: BSD-2-Clause
// What a proxy asks for in the Proxy-Authenticate fields of a 407 (RFC 9110 section 11.6): whether Basic will
// do, and the strongest Digest challenge (RFC 7616 section 3.3, RFC 2069) that this client can answer.
//
// Fixed size, no allocation. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace socksify {

// In the order of their strength. SHA-512-256 is not known.
enum class DigestAlgorithm : uint8_t { kMd5Session, kMd5, kSha256Session, kSha256 };

class DigestChallenge {
 public:
  static constexpr size_t kMaxTextSize = 768;

  // Copies the texts; false, and without effect on them, when they are too long together.
  bool SetTexts(std::string_view realm, std::string_view nonce, std::string_view opaque);
  // What stood between the quotes, with the backslashes of quoted pairs (RFC 9110 section 5.6.4), so that it
  // may be put between quotes again as it is.
  std::string_view realm() const { return {text_.data(), realm_size_}; }
  std::string_view nonce() const { return {text_.data() + realm_size_, nonce_size_}; }
  std::string_view opaque() const { return {text_.data() + realm_size_ + nonce_size_, opaque_size_}; }

  DigestAlgorithm algorithm = DigestAlgorithm::kMd5;
  bool names_algorithm = false;  // else MD5 is meant, and old proxies want to hear no name
  bool has_qop = false;          // qop=auth; absent in RFC 2069
  bool has_opaque = false;
  bool is_stale = false;     // the credentials may be right, the nonce is too old
  bool hashes_user = false;  // userhash

 private:
  uint16_t realm_size_ = 0;
  uint16_t nonce_size_ = 0;
  uint16_t opaque_size_ = 0;
  std::array<char, kMaxTextSize> text_{};
};

struct HttpChallenges {
  // Adds what one field's value says. Broken, unknown and weaker challenges are passed over.
  void Add(std::string_view value);

  bool has_basic = false;
  bool has_digest = false;   // `digest` can be answered
  bool is_too_long = false;  // a challenge was passed over for its size
  DigestChallenge digest;
};

}  // namespace socksify
