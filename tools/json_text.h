// SPDX-License-Identifier: BSD-2-Clause
// How the tools put their values into JSON: keys in a fixed order, null for what is not there.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "routing/location.h"

namespace socksify {

nlohmann::ordered_json TextOrNull(const std::string& text);

// {"where": "a.conf:3", "file": "a.conf", "line": 3}; line is null where there is none.
nlohmann::ordered_json LocationToJson(const Location& where);

// One line with its line end. Bytes that are not UTF-8 come out as U+FFFD.
std::string ToLine(const nlohmann::ordered_json& value);

}  // namespace socksify
