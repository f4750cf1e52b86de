// SPDX-License-Identifier: BSD-2-Clause
// What the tests of the table of peers share: records that can be told apart.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "resolver/peer_table.h"
#include "tests/resolver/fake_table_fixture.h"

namespace socksify {

inline constexpr const char* kPeerFileName = "peers-3";

// A record in which every field depends on `number`, so that a mixture of two shows.
inline SharedPeer MakePeer(uint32_t number) {
  return {.proxy = *IpAddress::Parse("10.0.3.1"),
          .proxy_port = 1080,
          .peer = IpAddress::V4(0x0a00'0000 + number),
          .peer_port = static_cast<uint16_t>(number * 7),
          .bound = IpAddress::V4(0xc000'0000 + number * 3).Mapped(),
          .bound_port = static_cast<uint16_t>(number * 11),
          .replaced_family = static_cast<uint8_t>(number % 2 == 0 ? 2 : 10)};
}

inline std::optional<SharedPeer> FindLike(const PeerTable& table, uint64_t cookie, const SharedPeer& like) {
  return table.Find(cookie, like.proxy, like.proxy_port);
}

// `count` cookies from `first` on that share one set.
inline std::vector<uint64_t> CookiesOfOneSet(uint64_t first, size_t count) {
  std::vector<uint64_t> cookies;
  for (uint64_t cookie = first; cookies.size() < count; ++cookie) {
    if (PeerTableStore::SetOf(cookie) == PeerTableStore::SetOf(first)) cookies.push_back(cookie);
  }
  return cookies;
}

}  // namespace socksify
