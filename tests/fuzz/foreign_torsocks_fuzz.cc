// SPDX-License-Identifier: BSD-2-Clause
// Any text as a torsocks.conf.
#include <array>

#include "tests/fuzz/foreign_routes_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  static constexpr auto kPasswordLines =
      std::to_array<std::string_view>({"SOCKS5Password ", "SOCKS5Pasword "});
  ForeignDriver(ConfigFormat::kTorsocks, kPasswordLines).Run(data, size);
  return 0;
}
