// SPDX-License-Identifier: BSD-2-Clause
// Conversion: another client's configuration, written down in our language.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "routing/config.h"
#include "routing/foreign_config.h"

namespace socksify {

struct Conversion {
  ConfigFormat format = ConfigFormat::kOwn;
  std::string text;  // a file of ours; empty where there are errors
  std::vector<Diagnostic> errors;
  std::vector<Diagnostic> warnings;
};

// Without `format` the content of the file decides. What the result says of the environment (SOCKS_SERVER and
// the like) is as it is now. A file of ours is an error: there is nothing to convert.
Conversion Convert(const std::string& path, std::optional<ConfigFormat> format, const ConfigHost& host);

// The JSON object that socksctl(1) documents, on one line.
std::string ToJson(const Conversion& conversion);

}  // namespace socksify
