// SPDX-License-Identifier: BSD-2-Clause
#include "routing/environment.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/fixed_text.h"
#include "base/text.h"
#include "routing/address_parser.h"
#include "routing/name_server.h"
#include "routing/quoting.h"

namespace socksify {
namespace {

constexpr size_t kMaxCredentialSize = 255;  // RFC 1929 section 2
constexpr unsigned kMaxRoutes = 640;        // as in Dante

std::optional<std::string> FirstOf(const ConfigHost& host, std::initializer_list<const char*> names,
                                   std::string* found) {
  for (const char* const name : names) {
    if (std::optional<std::string> value = GetVariable(host, name)) {
      *found = name;
      return value;
    }
  }
  return std::nullopt;
}

// yes, no, or nothing where the variable is unset. Dante only asks whether a value is "no" or the like; a
// value that means neither is reported.
std::optional<bool> ReadSwitch(const ConfigHost& host, const char* name, Reporter* reporter) {
  const std::optional<std::string> value = GetVariable(host, name);
  if (!value) return std::nullopt;
  for (const std::string_view word : {"yes", "true", "on", "1"}) {
    if (EqualsIgnoreCase(*value, word)) return true;
  }
  for (const std::string_view word : {"no", "false", "off", "0"}) {
    if (EqualsIgnoreCase(*value, word)) return false;
  }
  reporter->Error(name, "expected yes or no, found " + Quoted(*value));
  return std::nullopt;
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  for (text = Trim(text); !text.empty(); text = Trim(text)) {
    const size_t size = std::min(text.find_first_of(" \t\n"), text.size());
    words.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return words;
}

// NEC's two switches speak for every name. A route of the file that resolves in a way of its own is overruled
// too, and so is the meaning of a route that only goes direct: SOCKS5_FAKEALLHOSTS fakes its names as well.
void ApplyResolving(const ConfigHost& host, ConfigDraft* draft, Reporter* reporter) {
  const bool fake = ReadSwitch(host, "SOCKS5_FAKEALLHOSTS", reporter).value_or(false);
  const bool local = ReadSwitch(host, "SOCKS5_LOCALDNSONLY", reporter).value_or(false);
  if (fake && local) {
    reporter->Error("SOCKS5_LOCALDNSONLY",
                    "expected one of SOCKS5_LOCALDNSONLY and SOCKS5_FAKEALLHOSTS, found both",
                    "unset one of them");
  } else if (fake) {
    draft->resolve_everything = ResolveProtocol::kFake;
  } else if (local) {
    draft->resolve_everything = ResolveProtocol::kLocal;
  }
  if (draft->resolve_everything) draft->settings.resolve_protocol = *draft->resolve_everything;
}

void ApplyNameServers(const ConfigHost& host, ConfigDraft* draft, Reporter* reporter) {
  constexpr const char* kVariable = "SOCKS_NS";
  std::optional<std::string> value = GetVariable(host, kVariable);
  if (!value) return;
  std::ranges::replace(*value, ',', ' ');
  std::vector<Endpoint> servers;
  for (const std::string& word : SplitWords(*value)) {
    const std::expected<HostPort, TextProblem> server = ParseNameServer(word);
    if (server) {
      servers.push_back(server->address);
    } else if (draft->settings.name_servers.empty()) {
      reporter->Error(kVariable, server.error().message, server.error().remedy);
    }
  }
  if (!draft->settings.name_servers.empty()) {
    // Not worth a word where both say the same, as in a file of SOCKS 4.2.
    if (servers != draft->settings.name_servers)
      reporter->Warning(kVariable, "this variable is not used, because the configuration has 'nameserver'");
    return;
  }
  for (const Endpoint& server : servers) {
    draft->settings.name_servers.push_back(server);
    draft->name_server_places.push_back({nullptr, {std::make_shared<const std::string>(kVariable), 0, 0}});
  }
}

}  // namespace

std::optional<std::string> GetVariable(const ConfigHost& host, const char* name) {
  const char* const value = host.get_env(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::optional<std::string> OwnConfigDirectory(const ConfigHost& host) {
  if (auto config_home = GetVariable(host, "XDG_CONFIG_HOME"); config_home && config_home->starts_with('/')) {
    return *config_home + "/socksify";
  }
  if (auto home = GetVariable(host, "HOME")) return *home + "/.config/socksify";
  return std::nullopt;
}

Credentials ReadCredentials(const ConfigHost& host, Reporter* reporter) {
  Credentials credentials;
  std::string variable;
  const auto read = [&](std::initializer_list<const char*> names) -> std::string {
    std::string value = FirstOf(host, names, &variable).value_or("");
    if (value.size() <= kMaxCredentialSize) return value;
    reporter->Error(variable, "expected at most 255 bytes, found " + std::to_string(value.size()));
    return {};
  };
  credentials.username = read({"SOCKS_USERNAME", "SOCKS_USER", "SOCKS5_USER"});
  credentials.password = read({"SOCKS_PASSWORD", "SOCKS_PASSWD", "SOCKS5_PASSWD"});
  credentials.has_password = !credentials.password.empty();
  return credentials;
}

void ApplyEnvironment(const ConfigHost& host, ConfigDraft* draft, Reporter* reporter) {
  Settings* const settings = &draft->settings;
  if (const auto outputs = GetVariable(host, "SOCKS_LOGOUTPUT")) settings->log_outputs = SplitWords(*outputs);
  if (const auto outputs = GetVariable(host, "SOCKS_ERRLOGOUTPUT"))
    settings->error_outputs = SplitWords(*outputs);
  if (const auto debug = GetVariable(host, "SOCKS_DEBUG")) {
    const std::optional<uint64_t> level = ParseWholeNumber(*debug);
    if (level && *level <= 1'000'000) {
      settings->debug = static_cast<int>(*level);
    } else {
      reporter->Error("SOCKS_DEBUG", "expected a number from 0 to 1000000, found " + Quoted(*debug));
    }
  }
  // "no" takes nothing away from a file: loopback stays direct unless it says `autoroute: none`.
  const std::optional<bool> lan = ReadSwitch(host, "SOCKS_AUTOADD_LANROUTES", reporter);
  if (lan.has_value() && *lan) settings->auto_route = AutoRoute::kLan;
  if (lan.has_value() && !*lan && settings->auto_route == AutoRoute::kLan)
    settings->auto_route = AutoRoute::kLoopback;
  settings->direct_fallback = ReadSwitch(host, "SOCKS_DIRECTROUTE_FALLBACK", reporter).value_or(false);
  settings->bind_local_only = ReadSwitch(host, "SOCKS_BINDLOCALONLY", reporter).value_or(false);
  ApplyResolving(host, draft, reporter);
  ApplyNameServers(host, draft, reporter);
  if (GetVariable(host, "SOCKS_REDIRECT_FROM")) {
    reporter->Error("SOCKS_REDIRECT_FROM", "redirection is not supported by this version", "unset it");
  }
}

std::vector<RouteVariable> ReadRouteVariables(const ConfigHost& host) {
  std::vector<RouteVariable> variables;
  for (unsigned i = 1; i <= kMaxRoutes; ++i) {
    std::string name = "SOCKS_ROUTE_" + std::to_string(i);
    const char* const value = host.get_env(name.c_str());
    if (value == nullptr) break;
    if (*value != '\0') variables.push_back({RouteVariable::Kind::kRouteText, std::move(name), value, 0});
  }
  struct ServerVariable {
    FixedText<18> name;
    uint8_t protocols = 0;
  };
  constexpr std::array kServers = {
      ServerVariable{"SOCKS5_SERVER", kServerSocks5}, ServerVariable{"SOCKS_SERVER", 0},
      ServerVariable{"SOCKS4_SERVER", kServerSocks4a}, ServerVariable{"HTTP_CONNECT_PROXY", kServerHttp},
      ServerVariable{"UPNP_IGD", kServerUpnp}};
  for (const ServerVariable& server : kServers) {
    std::string name(server.name);
    if (std::optional<std::string> value = GetVariable(host, name.c_str())) {
      variables.push_back(
          {RouteVariable::Kind::kServer, std::move(name), std::move(*value), server.protocols});
    }
  }
  return variables;
}

}  // namespace socksify
