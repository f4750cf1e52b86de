// SPDX-License-Identifier: BSD-2-Clause
#include "tools/json_text.h"

namespace socksify {

nlohmann::ordered_json TextOrNull(const std::string& text) {
  if (text.empty()) return nullptr;
  return text;
}

nlohmann::ordered_json LocationToJson(const Location& where) {
  nlohmann::ordered_json object;
  object["where"] = where.source ? nlohmann::ordered_json(where.ToString()) : nullptr;
  object["file"] = where.source ? nlohmann::ordered_json(*where.source) : nullptr;
  object["line"] = where.line != 0 ? nlohmann::ordered_json(where.line) : nullptr;
  return object;
}

std::string ToLine(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace socksify
