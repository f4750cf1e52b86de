// SPDX-License-Identifier: BSD-2-Clause
// A translation as tests compare it: every line with the line it comes from, then warnings, then errors.
#pragma once

#include <string>
#include <vector>

#include "routing/foreign_config.h"

namespace socksify {

// "12| route { ... }", "warning 3: message (remedy)", "error 3:7: message (remedy)"
inline std::string TextOf(const ForeignConfig& config) {
  std::string text;
  for (const ForeignConfig::Line& line : config.lines)
    text += std::to_string(line.from) + "| " + line.text + "\n";
  const auto add_remarks = [&text](const char* kind, const std::vector<ForeignConfig::Remark>& remarks) {
    for (const ForeignConfig::Remark& remark : remarks) {
      text += kind + std::to_string(remark.line);
      if (remark.column != 0) text += ":" + std::to_string(remark.column);
      text += ": " + remark.message + (remark.remedy.empty() ? "" : " (" + remark.remedy + ")") + "\n";
    }
  };
  add_remarks("warning ", config.warnings);
  add_remarks("error ", config.errors);
  return text;
}

// The errors alone.
inline std::string ErrorsOf(ForeignConfig config) {
  config.lines.clear();
  config.warnings.clear();
  return TextOf(config);
}

// The configuration in our language, as it would be parsed.
inline std::string OwnText(const ForeignConfig& config) {
  std::string text;
  for (const ForeignConfig::Line& line : config.lines) text += line.text + "\n";
  return text;
}

}  // namespace socksify
