// SPDX-License-Identifier: BSD-2-Clause
// Input: a datagram as a relay would send it. What can be read must read the same when it is written again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "protocol/udp_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  const auto read = ReadUdpHeader(std::span(data, size));
  if (!read) return 0;
  if (read->size > size || read->size > kUdpMaxHeaderSize) abort();
  UdpHeader header;
  MakeUdpHeader(read->source, &header);
  const auto again = ReadUdpHeader(std::span<const uint8_t>(header.bytes).first(header.size));
  if (!again || again->size != header.size || !(again->source == read->source)) abort();
  return 0;
}
