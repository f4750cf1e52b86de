// SPDX-License-Identifier: BSD-2-Clause
// Drives the translator of one format: what it gives without errors is a configuration of ours, in which a
// name always meets a route, and by proxychains' and torsocks' files a proxy; and the loader never shows the
// password kSecret.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "routing/config.h"
#include "routing/foreign_config.h"

namespace socksify {

class ForeignDriver {
 public:
  // `password_lines`: what a line may begin with that is followed by a password.
  ForeignDriver(ConfigFormat format, std::span<const std::string_view> password_lines)
      : format_(format), password_lines_(password_lines) {}

  void Run(const uint8_t* data, size_t size) {
    text_ = {reinterpret_cast<const char*>(data), size};
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);  // as the loader does
    const auto loaded = Load(format_);
    const ForeignConfig translation = Translate(format_, text_, {NoVariable, NoFile});
    CheckShown(loaded ? loaded->warnings : loaded.error());
    if (!loaded && loaded.error().empty()) std::abort();
    if (loaded && !translation.errors.empty()) std::abort();
    if (loaded) {
      CheckRoutes(loaded->routes);
      CheckTranslation(translation);
    } else if (translation.errors.empty() && !IsNoText(loaded.error())) {
      std::abort();
    }
  }

 private:
  static constexpr std::string_view kSecret = "Xs3cretX";

  static std::optional<std::string> NoVariable(const char* /*name*/) { return std::nullopt; }
  static std::optional<std::string> NoFile(const std::string& /*path*/) { return std::nullopt; }
  static const char* GetEnv(const char* /*name*/) { return nullptr; }
  static std::expected<std::string, int> ReadFile(const std::string& path, size_t /*max_size*/) {
    if (path == "fuzz.conf") return std::string(text_);
    return std::unexpected(ENOENT);
  }
  static std::expected<std::optional<uint32_t>, int> UserId(const std::string& /*name*/) {
    return std::nullopt;
  }
  static std::optional<uint16_t> ServicePort(const std::string& /*name*/, const char* /*transport*/) {
    return std::nullopt;
  }
  static std::vector<InterfaceAddress> Interfaces() { return {}; }

  static std::expected<Config, std::vector<Diagnostic>> Load(ConfigFormat format) {
    return LoadConfig({.file = "fuzz.conf", .proxies = {}, .format = format}, {.get_env = GetEnv,
                                                                               .read_file = ReadFile,
                                                                               .read_secret = ReadFile,
                                                                               .user_id = UserId,
                                                                               .handed_password = nullptr,
                                                                               .service_port = ServicePort,
                                                                               .interfaces = Interfaces});
  }

  void CheckRoutes(const RouteTable& table) const {
    const Endpoint name = *Endpoint::FromHost("www.example.org", 443);
    const Rule* const rule = table.Decide({name, Transport::kTcp, Command::kConnect, nullptr, "curl"});
    if (rule == nullptr) std::abort();
    if (format_ != ConfigFormat::kTsocks && rule->group[0].kind != Target::Kind::kProxies) std::abort();
  }

  // The translation as a file of ours.
  static void CheckTranslation(const ForeignConfig& translation) {
    std::string own;
    for (const ForeignConfig::Line& line : translation.lines) {
      if (line.text.find('\n') != std::string::npos) std::abort();
      own += line.text + '\n';
    }
    text_ = own;
    if (!Load(ConfigFormat::kOwn)) std::abort();
  }

  static bool IsNoText(const std::vector<Diagnostic>& errors) {
    return errors.size() == 1 && (errors[0].message.starts_with("expected UTF-8 text") ||
                                  errors[0].message.starts_with("expected text"));
  }

  // True where the secret stands where a password is expected, and nowhere else.
  bool HasPassword() const {
    const size_t place = text_.find(kSecret);
    if (place == std::string_view::npos || text_.find(kSecret, place + 1) != std::string_view::npos)
      return false;
    const size_t line = text_.rfind('\n', place) + 1;  // 0 where there is none
    for (const std::string_view before : password_lines_) {
      if (text_.substr(line, place - line) == before) return true;
    }
    return false;
  }

  void CheckShown(const std::vector<Diagnostic>& diagnostics) const {
    for (const Diagnostic& diagnostic : diagnostics) {
      if (diagnostic.message.empty() || diagnostic.where.source == nullptr) std::abort();
      if (HasPassword() && diagnostic.ToString().find(kSecret) != std::string::npos) std::abort();
    }
  }

  static inline std::string_view text_;
  ConfigFormat format_;
  std::span<const std::string_view> password_lines_;
};

}  // namespace socksify
