// SPDX-License-Identifier: BSD-2-Clause
// What MD5 and SHA-256 share: blocks of 64 bytes, padded with a one bit, zeros and the length in bits
// (RFC 1321 section 3, RFC 6234 section 4.1). A Core has the state, as 32-bit words, and compresses one
// block.
#pragma once

#include <string.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace socksify {

template <typename Core>
class BlockHash {
 public:
  static constexpr size_t kDigestSize = Core::kDigestSize;
  using Digest = std::array<uint8_t, kDigestSize>;

  BlockHash() = default;
  BlockHash(const BlockHash&) = default;
  BlockHash& operator=(const BlockHash&) = default;
  ~BlockHash() {
    explicit_bzero(block_.data(), block_.size());
    explicit_bzero(core_.state.data(), sizeof core_.state);
  }

  // Not inline: its many callers would each have a copy.
  [[gnu::noinline]] void Update(std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
      const size_t filled = size_ % kBlockSize;
      const size_t count = std::min(bytes.size(), kBlockSize - filled);
      std::copy_n(bytes.begin(), count, block_.begin() + filled);
      size_ += count;
      bytes = bytes.subspan(count);
      if (size_ % kBlockSize == 0) core_.Compress(block_);
    }
  }

  // The digest of all that was given. Once: the object is of no use afterwards.
  Digest Finish() {
    constexpr uint8_t kOneBit = 0x80;
    constexpr uint8_t kZero = 0;
    const uint64_t bits = uint64_t{size_} * 8;
    Update({&kOneBit, 1});
    while (size_ % kBlockSize != kBlockSize - sizeof bits) Update({&kZero, 1});
    std::array<uint8_t, sizeof bits> length{};
    Store(bits, length);
    Update(length);
    Digest digest{};
    for (size_t i = 0; i < kDigestSize / 4; ++i) {
      Store(core_.state[i], std::span(digest).subspan(4 * i, 4));
    }
    return digest;
  }

 private:
  static constexpr size_t kBlockSize = 64;

  template <typename Integer>
  static void Store(Integer value, std::span<uint8_t> out) {
    for (size_t i = 0; i < sizeof value; ++i) {
      const size_t at = Core::kByteOrder == std::endian::little ? i : sizeof value - 1 - i;
      out[at] = static_cast<uint8_t>(value >> (8 * i));
    }
  }

  Core core_;
  size_t size_ = 0;  // of all that was given, in bytes
  std::array<uint8_t, kBlockSize> block_{};
};

}  // namespace socksify
