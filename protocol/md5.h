// SPDX-License-Identifier: BSD-2-Clause
// MD5 (RFC 1321). Broken as a hash, but what HTTP Digest authentication mostly uses; nothing else should.
//
// A plain value of fixed size; no allocation. What it was fed may be secret, so it is wiped when it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/block_hash.h"

namespace socksify {

struct Md5Core {
  static constexpr size_t kDigestSize = 16;
  static constexpr std::endian kByteOrder = std::endian::little;

  void Compress(std::span<const uint8_t, 64> block);

  std::array<uint32_t, 4> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
};

using Md5 = BlockHash<Md5Core>;

}  // namespace socksify
