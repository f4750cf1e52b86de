// SPDX-License-Identifier: BSD-2-Clause
// Input: one byte of choices (bit 0: 4A, bit 1: a name, bits 2 to 7: the chunk size), then the proxy's
// stream.
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/socks4_client.h"
#include "tests/fuzz/socks4_socks5_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  if (size == 0) return 0;
  const bool by_name = (data[0] & 2) != 0;
  const Endpoint destination = Endpoint::FromHost(by_name ? "web.test" : "10.1.2.3", 80).value_or(Endpoint());
  Socks4Client client;
  client.Start(destination, (data[0] & 1) != 0 ? Socks4Dialect::kSocks4a : Socks4Dialect::kSocks4, "joe");
  RunAgainst(client, std::span(data, size).subspan(1), 1 + (data[0] >> 2));
  return 0;
}
