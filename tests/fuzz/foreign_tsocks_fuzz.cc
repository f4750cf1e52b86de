// SPDX-License-Identifier: BSD-2-Clause
// Any text as a tsocks.conf.
#include <array>

#include "tests/fuzz/foreign_routes_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace socksify;
  static constexpr auto kPasswordLines =
      std::to_array<std::string_view>({"default_pass = ", "default_pass=", "\tdefault_pass = "});
  ForeignDriver(ConfigFormat::kTsocks, kPasswordLines).Run(data, size);
  return 0;
}
