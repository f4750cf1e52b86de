// SPDX-License-Identifier: BSD-2-Clause
// Input: one byte of choices (bit 0: offer none, bit 1: offer credentials, bits 2 to 7: the chunk size), then
// the proxy's stream.
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/socks5_client.h"
#include "tests/fuzz/socks4_socks5_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  if (size == 0) return 0;
  const Socks5Auth auth = {.offer_none = (data[0] & 1) != 0,
                           .offer_username = (data[0] & 2) != 0,
                           .username = "alice",
                           .password = "open sesame"};
  Socks5Client client;
  client.Start(Endpoint::FromName("web.test", 80).value_or(Endpoint()), auth);
  RunAgainst(client, std::span(data, size).subspan(1), 1 + (data[0] >> 2));
  return 0;
}
