// SPDX-License-Identifier: BSD-2-Clause
// Any text as another client's configuration: it is translated or reported, what is translated loads, and
// every place that is named is in the text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "routing/config.h"
#include "routing/foreign_config.h"
#include "routing/text_check.h"

namespace socksify::fuzz {

inline std::string_view current_text;

inline ConfigHost ForeignFuzzHost() {
  return {
      .get_env = [](const char* name) -> const char* {
        // The first bytes decide what the environment holds.
        const std::string_view variable = name;
        if (current_text.starts_with("#S") && variable.ends_with("_SERVER")) return "gate.example:1081";
        if (current_text.starts_with("#N") && variable == "SOCKS_NS") return "10.0.0.53 2001:db8::35";
        return nullptr;
      },
      .read_file = [](const std::string& path, size_t /*max_size*/) -> std::expected<std::string, int> {
        return path == "fuzz.conf" ? std::string(current_text) : std::string("alice, bob # and\n");
      },
      .read_secret = [](const std::string& /*path*/, size_t /*max_size*/) -> std::expected<std::string, int> {
        return std::string("secret\n");
      },
      .user_id = [](const std::string& /*name*/) -> std::expected<std::optional<uint32_t>, int> {
        return 1000U;
      },
      .handed_password = nullptr,
      .service_port = [](const std::string& /*name*/, const char* /*transport*/) -> std::optional<uint16_t> {
        return uint16_t{7};
      },
      .interfaces = [] { return std::vector<InterfaceAddress>{{"eth0", IpAddress::V4(0xc0a80101), 24}}; }};
}

inline void CheckRemarks(const std::vector<ForeignConfig::Remark>& remarks, size_t lines) {
  for (const ForeignConfig::Remark& remark : remarks) {
    if (remark.line > lines || remark.message.empty()) std::abort();
  }
}

inline int TranslateAndLoad(ConfigFormat format, const uint8_t* data, size_t size) {
  current_text = {reinterpret_cast<const char*>(data), size};
  std::string_view text = current_text;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // as the loader does
  (void)RecognizeFormat(text);
  (void)WithoutForeignSecrets(format, text);
  const ConfigHost host = ForeignFuzzHost();
  const ForeignConfig translation = Translate(format, text, MakeForeignHost(host));
  const auto lines = static_cast<size_t>(std::ranges::count(text, '\n')) + 1;
  CheckRemarks(translation.errors, lines);
  CheckRemarks(translation.warnings, lines);
  for (const ForeignConfig::Line& line : translation.lines) {
    if (line.from > lines || line.text.find('\n') != std::string::npos) std::abort();
  }
  const auto config = LoadConfig({.file = "fuzz.conf", .proxies = {}, .format = format}, host);
  const bool may_load = translation.errors.empty() && !FindBadText(text);
  if (config.has_value() != may_load) std::abort();
  return 0;
}

}  // namespace socksify::fuzz
