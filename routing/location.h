// SPDX-License-Identifier: BSD-2-Clause
// Location: a place in a configuration, for messages.
#pragma once

#include <memory>
#include <string>

namespace socksify {

struct Location {
  // The file as it was opened, or what else the text came from: "SOCKS_SERVER", "-p", "autoroute". Never null
  // once set; shared so that a Location is cheap to copy.
  std::shared_ptr<const std::string> source;
  unsigned line = 0;    // 1-based; 0: no line (an environment variable, an implied rule)
  unsigned column = 0;  // 1-based, in bytes; 0: the whole line

  // "socks.conf:12", "/etc/socks.conf:12" or "SOCKS_SERVER".
  std::string ToString() const;
  // Like ToString with the directory part of the source left out: for -v lines.
  std::string ToShortString() const;
};

}  // namespace socksify
