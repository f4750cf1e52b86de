// SPDX-License-Identifier: BSD-2-Clause
#include "tools/conversion.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "tools/check_report.h"
#include "tools/json_text.h"

namespace socksify {
namespace {

std::string Translation(std::string_view text, ConfigFormat format, const ConfigHost& host) {
  std::string translation;
  for (const ForeignConfig::Line& line : Translate(format, text, MakeForeignHost(host)).lines)
    translation += line.text + '\n';
  return translation;
}

// In a comment a path must not begin a line of its own.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = '?';
  }
  return text;
}

}  // namespace

Conversion Convert(const std::string& path, std::optional<ConfigFormat> format, const ConfigHost& host) {
  Conversion conversion;
  // Loading finds all that is wrong, also with what only the linker of routes sees.
  auto config = LoadConfig({.file = path, .proxies = {}, .format = format}, host);
  if (!config) {
    conversion.errors = std::move(config.error());
    return conversion;
  }
  conversion.format = config->format;
  if (config->format == ConfigFormat::kOwn) {
    Diagnostic diagnostic;
    diagnostic.where.source = std::make_shared<const std::string>(path);
    diagnostic.message = "this is a configuration of socksify already";
    diagnostic.remedy = "if it is not, say whose it is with --format; " + FormatNames();
    conversion.errors.push_back(std::move(diagnostic));
    return conversion;
  }
  conversion.warnings = std::move(config->warnings);
  // It has been loaded, so it is not too large.
  std::string text = host.read_file(path, SIZE_MAX).value_or("");
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);  // a byte order mark
  conversion.text = "# Converted by `socksctl convert` from " + OneLine(path) + " (" +
                    std::string(FormatName(conversion.format)) + ").\n\n" +
                    Translation(text, conversion.format, host);
  return conversion;
}

std::string ToJson(const Conversion& conversion) {
  nlohmann::ordered_json object;
  object["ok"] = conversion.errors.empty();
  const bool is_known = conversion.format != ConfigFormat::kOwn;
  object["format"] = TextOrNull(is_known ? std::string(FormatName(conversion.format)) : "");
  object["text"] = TextOrNull(conversion.text);
  object["errors"] = ToJson(conversion.errors);
  object["warnings"] = ToJson(conversion.warnings);
  return ToLine(object);
}

}  // namespace socksify
