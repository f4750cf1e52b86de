// SPDX-License-Identifier: BSD-2-Clause
#include "tests/fuzz/foreign_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return socksify::fuzz::TranslateAndLoad(socksify::ConfigFormat::kTorsocks, data, size);
}
