// SPDX-License-Identifier: BSD-2-Clause
// Any text as a proxychains.conf.
#include <array>

#include "tests/fuzz/foreign_routes_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  static constexpr auto kPasswordLines =
      std::to_array<std::string_view>({"socks5 10.0.0.1 1080 alice ", "http proxy.test 8080 alice ",
                                       "raw 10.0.0.1 1 a ", "socks5 10.0.0.1 alice "});
  ForeignDriver(ConfigFormat::kProxychains, kPasswordLines).Run(data, size);
  return 0;
}
