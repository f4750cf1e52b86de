// SPDX-License-Identifier: BSD-2-Clause
#include "routing/config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <new>
#include <utility>

#include "base/failure.h"
#include "routing/config_linker.h"
#include "routing/config_parser.h"
#include "routing/environment.h"
#include "routing/foreign_config.h"
#include "routing/quoting.h"
#include "routing/server_defaults.h"
#include "routing/source_text.h"
#include "routing/text_check.h"

namespace socksify {
namespace {

constexpr size_t kMaxFileSize = size_t{64} << 20;

std::string ReasonText(int error) {
  switch (error) {
    case EISDIR: return "it is a directory (EISDIR)";
    case EFBIG: return "it is larger than 64 MiB (EFBIG)";
    case ENOENT: return "there is no such file (ENOENT)";
    case EACCES: return "permission denied (EACCES)";
    default: return ErrnoName(error);
  }
}

class ConfigLoader {
 public:
  ConfigLoader(const ConfigSources& sources, const ConfigHost& host)
      : sources_(sources), host_(host), interfaces_(host) {
    // 2001:2::/48 is set apart for benchmarks (RFC 5180 section 8), as 198.18.0.0/15 is for IPv4.
    constexpr std::array<uint8_t, 16> kFakeV6 = {0x20, 0x01, 0x00, 0x02};
    draft_.settings.fake_v6 = IpAddress::V6(kFakeV6);
  }

  std::expected<Config, std::vector<Diagnostic>> Load() {
    Credentials credentials = ReadCredentials(host_, &reporter_);
    ReadSources();
    ApplyEnvironment(host_, &draft_, &reporter_);
    if (origin_.empty()) UseNothing();
    Config config;
    config.settings = draft_.settings;
    config.origin = origin_;
    config.format = format_;
    if (draft_.routes.empty() && !draft_.settings.direct_fallback && !reporter_.has_errors()) {
      reporter_.Warning(origin_, "there is no route: every connection but those to this machine will fail",
                        "add a route: route { from: 0/0 to: 0/0 via: SERVER }");
    }
    ServerDefaults defaults(host_, draft_, std::move(credentials), &reporter_);
    config.routes = LinkRoutes(std::move(draft_), &defaults, &interfaces_, &reporter_);
    if (reporter_.has_errors()) return std::unexpected(reporter_.TakeErrors());
    config.warnings = reporter_.TakeWarnings();
    return config;
  }

 private:
  // What the user names comes before what the environment names, and that before what lies about.
  void ReadSources() {
    const std::vector<RouteVariable> variables = ReadRouteVariables(host_);
    if (!sources_.file.empty() || !sources_.proxies.empty()) {
      if (!sources_.file.empty()) ReadNamedFile(sources_.file);
      if (!sources_.proxies.empty()) AddProxies();
      WarnOfUnused(variables, sources_.file.empty() ? "-p is given" : sources_.file + " is read");
      return;
    }
    if (const std::optional<std::string> file = GetVariable(host_, "SOCKS_CONF")) {
      ReadNamedFile(*file);
      WarnOfUnused(variables, "SOCKS_CONF is given");
      return;
    }
    if (!variables.empty()) {
      AddRouteVariables(variables);
      return;
    }
    ReadDefaultFile();
  }

  void WarnOfUnused(const std::vector<RouteVariable>& variables, const std::string& reason) {
    for (const RouteVariable& variable : variables) {
      if (std::ranges::find(used_variables_, variable.name) != used_variables_.end()) continue;
      reporter_.Warning(variable.name, "this variable is not used, because " + reason);
    }
  }

  void ReadNamedFile(const std::string& path) {
    origin_ = path;
    std::expected<std::string, int> text = host_.read_file(path, kMaxFileSize);
    if (text) {
      ParseText(path, std::move(*text));
    } else {
      reporter_.Error(path, "cannot read the configuration file: " + ReasonText(text.error()));
    }
  }

  void ReadDefaultFile() {
    std::vector<std::string> places;
    if (const auto own = OwnConfigDirectory(host_)) places.push_back(*own + "/socks.conf");
    places.emplace_back("/etc/socks.conf");
    for (const std::string& place : places) {
      std::expected<std::string, int> text = host_.read_file(place, kMaxFileSize);
      if (!text && (text.error() == ENOENT || text.error() == ENOTDIR)) {
        tried_ += (tried_.empty() ? "" : ", ") + place;
        continue;
      }
      origin_ = place;
      if (text) {
        ParseText(place, std::move(*text));
      } else {
        reporter_.Error(place, "cannot read the configuration file: " + ReasonText(text.error()));
      }
      return;
    }
  }

  void UseNothing() {
    origin_ = "SOCKS_DIRECTROUTE_FALLBACK";
    if (draft_.settings.direct_fallback) return;
    reporter_.Error("socksify",
                    "no configuration found: no -f, no -p, SOCKS_CONF and SOCKS5_SERVER are not set, "
                    "and there is no " +
                        tried_,
                    "name a file with -f FILE, or a proxy with -p socks5://HOST:PORT");
  }

  void ParseText(const std::string& path, std::string text) {
    if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);  // a byte order mark
    const SourceText& source = AddText(path, std::move(text), SourceText::Lines::kNumbered);
    const std::optional<ConfigFormat> format = FormatOf(source.text());
    if (!format) return;
    if (const std::optional<BadText> bad = FindBadText(source.text())) {
      // Where a password stands in its line depends on the language.
      std::string harmless = *format == ConfigFormat::kOwn ? std::string(source.text())
                                                           : WithoutForeignSecrets(*format, source.text());
      const SourceText& shown = AddText(path, std::move(harmless), SourceText::Lines::kNumbered);
      reporter_.Error(shown, source.At(bad->offset), bad->message, bad->remedy);
      return;
    }
    if (*format != ConfigFormat::kOwn) {
      ParseForeign(source, *format);
      return;
    }
    ConfigParser(source, host_, &interfaces_, &reporter_, &draft_).ParseFile();
  }

  // Nothing after an error.
  std::optional<ConfigFormat> FormatOf(std::string_view text) {
    constexpr const char* kVariable = "SOCKSIFY_FORMAT";
    if (sources_.format) return sources_.format;
    const std::optional<std::string> name =
        sources_.file.empty() ? GetVariable(host_, kVariable) : std::nullopt;
    if (!name) return RecognizeFormat(text);
    const std::optional<ConfigFormat> format = FormatOfName(*name);
    if (!format)
      reporter_.Error(kVariable, "expected the name of a format, found " + Quoted(*name), FormatNames());
    return format;
  }

  // Another client's language: the translation is parsed as if the user had written it, with its places in
  // the user's own file.
  void ParseForeign(const SourceText& source, ConfigFormat format) {
    ForeignHost host = MakeForeignHost(host_);
    host.variable = [this](const char* name) {
      used_variables_.emplace_back(name);
      return GetVariable(host_, name);
    };
    const ForeignConfig translation = Translate(format, source.text(), host);
    format_ = format;
    origin_.append(" (").append(FormatName(format)) += ')';
    std::string text;
    std::vector<unsigned> origins;
    for (const ForeignConfig::Line& line : translation.lines) {
      text += line.text + '\n';
      origins.push_back(line.from);
    }
    const SourceText& translated = texts_.emplace_back(
        source.source(), WithoutForeignSecrets(format, source.text()), std::move(text), std::move(origins));
    for (const ForeignConfig::Remark& each : translation.errors)
      reporter_.Error(translated, translated.AtLine(each.line, each.column), each.message, each.remedy);
    for (const ForeignConfig::Remark& each : translation.warnings)
      reporter_.Warning(translated, translated.AtLine(each.line, each.column), each.message, each.remedy);
    if (translation.errors.empty())
      ConfigParser(translated, host_, &interfaces_, &reporter_, &draft_).ParseFile();
  }

  const SourceText& AddText(std::string name, std::string text, SourceText::Lines lines) {
    return texts_.emplace_back(std::move(name), std::move(text), lines);
  }

  // Each -p is a chain, tried after the one before it.
  void AddProxies() {
    if (origin_.empty()) origin_ = "-p";
    RouteDraft route;
    for (const std::string& proxies : sources_.proxies) {
      const SourceText& source = AddText("-p", proxies, SourceText::Lines::kNone);
      TargetDraft target{Target::Kind::kProxies, {}, source.At(0)};
      AddChain(source, &target);
      AddTarget(source, std::move(target), &route);
    }
    AddRoute(std::move(route));
  }

  void AddChain(const SourceText& source, TargetDraft* target) {
    std::vector<std::string_view> hops;
    std::string_view rest = source.text();
    for (size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
      hops.push_back(rest.substr(0, comma));
      rest.remove_prefix(comma + 1);
    }
    hops.push_back(rest);
    // A password with a comma in it comes out in pieces, none of which may be shown.
    for (const std::string_view hop : hops) {
      if (hop.find('@') == std::string_view::npos || hop.find("://") != std::string_view::npos) continue;
      reporter_.Error(source, target->where,
                      "expected URL[,URL...], found a comma in a user name or password",
                      "write a comma in them as %2C");
      return;
    }
    for (const std::string_view hop : hops) AddHop(source, hop, kServerSocks5, target);
    for (HopDraft& hop : target->hops) hop.may_ask = true;
  }

  // SOCKS_ROUTE_n as they are, then one route for all the servers: the later ones are fallbacks.
  void AddRouteVariables(const std::vector<RouteVariable>& variables) {
    origin_ = variables.front().name;
    RouteDraft route;
    for (const RouteVariable& variable : variables) {
      const SourceText& source = AddText(variable.name, variable.value, SourceText::Lines::kNone);
      if (variable.kind == RouteVariable::Kind::kRouteText) {
        ConfigParser(source, host_, &interfaces_, &reporter_, &draft_).ParseRouteText();
        continue;
      }
      TargetDraft target{Target::Kind::kProxies, {}, source.At(0)};
      AddHop(source, variable.value, variable.protocols, &target);
      AddTarget(source, std::move(target), &route);
    }
    AddRoute(std::move(route));
  }

  // `protocols` is spoken where the text has no scheme; 0: whatever is the default.
  void AddHop(const SourceText& source, std::string_view text, uint8_t protocols, TargetDraft* target) {
    HopDraft hop;
    hop.where = source.At(0);
    if (protocols == kServerUpnp) {
      // An interface, "broadcast" or a device's URL: not a proxy's address.
      hop.proxy.protocols = kServerUpnp;
      target->hops.push_back(std::move(hop));
      return;
    }
    std::expected<ProxyUrl, TextProblem> proxy = ParseProxyUrl(text);
    if (!proxy) {
      reporter_.Error(source, hop.where, proxy.error().message, proxy.error().remedy);
      return;
    }
    hop.word = text;
    hop.proxy = std::move(*proxy);
    if (hop.proxy.protocols == 0) hop.proxy.protocols = protocols;
    if (hop.proxy.protocols == 0) hop.proxy.protocols = kServerSocks4a | kServerSocks5;
    if (hop.proxy.protocols == kServerHttp && !hop.proxy.has_port) hop.proxy.address.set_port(kHttpProxyPort);
    target->hops.push_back(std::move(hop));
  }

  static void AddTarget(const SourceText& source, TargetDraft target, RouteDraft* route) {
    if (route->source == nullptr) {
      route->source = &source;
      route->rule.where = source.At(0);
    }
    (route->group.empty() ? route->group : route->fallback).push_back(std::move(target));
  }

  void AddRoute(RouteDraft route) {
    if (route.source == nullptr) return;
    if (route.group.size() + route.fallback.size() > RouteTable::kMaxTargets) {
      reporter_.Error(*route.source, route.rule.where,
                      "expected at most " + std::to_string(RouteTable::kMaxTargets) + " proxies, found " +
                          std::to_string(route.group.size() + route.fallback.size()));
      return;
    }
    draft_.routes.push_back(std::move(route));
  }

  const ConfigSources& sources_;
  const ConfigHost& host_;
  InterfaceList interfaces_;
  Reporter reporter_;
  ConfigDraft draft_;
  std::list<SourceText> texts_;  // drafts point into it
  std::string origin_;
  ConfigFormat format_ = ConfigFormat::kOwn;
  std::string tried_;                        // the files that are not there
  std::vector<std::string> used_variables_;  // what the translation of a file has asked for
};

}  // namespace

std::expected<Config, std::vector<Diagnostic>> LoadConfig(const ConfigSources& sources,
                                                          const ConfigHost& host) {
  // The guest rule: nothing of ours may end the program, not even for want of memory.
  try {
    return ConfigLoader(sources, host).Load();
  } catch (const std::bad_alloc&) {
    Diagnostic diagnostic;
    diagnostic.message = "out of memory";
    return std::unexpected(std::vector<Diagnostic>{std::move(diagnostic)});
  }
}

}  // namespace socksify
