// SPDX-License-Identifier: BSD-2-Clause
// Input: one byte of choices (bit 0: Basic, bit 1: Digest, bit 2: no user, bits 3 to 7: the chunk size), then
// the proxy's streams, one for each connection, with 0x1e between them. However they are read, the
// negotiation must end in the same way at the same byte.
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/http_connect_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  if (size == 0) return 0;
  HttpConnectClient client;
  client.Start(Endpoint::FromName("web.test", 80).value_or(Endpoint()),
               {.username = (data[0] & 4) != 0 ? "" : "alice",
                .password = "open sesame",
                .basic = (data[0] & 1) != 0,
                .digest = (data[0] & 2) != 0,
                .cnonce_seed = {1, 2}});
  const std::span<const uint8_t> streams = std::span(data, size).subspan(1);
  const HttpEnding ending = RunHttp(client, streams, 1 + (data[0] >> 3), false);
  Require(RunHttp(client, streams, 1, false) == ending);
  Require(RunHttp(client, streams, 1 + (data[0] >> 3), true) == ending);
  Require(RunHttp(client, streams, 1024, true) == ending);
  return 0;
}
