// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 (FIPS 180-4, RFC 6234).
//
// A plain value of fixed size; no allocation. What it was fed may be secret, so it is wiped when it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/block_hash.h"

namespace socksify {

struct Sha256Core {
  static constexpr size_t kDigestSize = 32;
  static constexpr std::endian kByteOrder = std::endian::big;

  void Compress(std::span<const uint8_t, 64> block);

  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
};

using Sha256 = BlockHash<Sha256Core>;

}  // namespace socksify
