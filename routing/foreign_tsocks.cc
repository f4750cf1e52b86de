// SPDX-License-Identifier: BSD-2-Clause
#include "routing/foreign_config.h"

namespace socksify {

ForeignConfig TranslateTsocks(std::string_view /*text*/, const ForeignHost& /*host*/) {
  ForeignConfig config;
  config.Fail(0, 0, "tsocks.conf cannot be translated yet");
  return config;
}

}  // namespace socksify
