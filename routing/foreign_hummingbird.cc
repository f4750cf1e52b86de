// SPDX-License-Identifier: BSD-2-Clause
// Hummingbird, socks.cnf:
//
//   DIRECT address mask [port]
//   SOCKD4|SOCKD5 @=servers address mask [port]      or *.domain for address and mask
//   BALANCE                                          the next SOCKD's servers in any order
//   PROXY_NAME @=servers                             who resolves names that the system does not know
//   EXCLUDE-MODULE program                           goes direct
//   BIND-MODULE program                              expects inbound connections
//
// The first line that matches decides. What becomes of the rest is not written anywhere: it is blocked.
#include <algorithm>
#include <array>
#include <utility>

#include "base/fixed_text.h"
#include "base/ip_address.h"
#include "base/text.h"
#include "routing/foreign_config.h"
#include "routing/foreign_routes.h"
#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

using Action = ForeignRoute::Action;
using To = ForeignRoute::To;

// "FTP.EXE" is `ftp` on this system, or is run by Wine.
std::optional<std::string> ProcessNames(std::string_view module) {
  constexpr size_t kExtensionSize = 4;
  const size_t slash = module.find_last_of("/\\");
  if (slash != std::string_view::npos) module.remove_prefix(slash + 1);
  if (!IsForeignUser(module)) return std::nullopt;
  const std::string lower = ToLowerAscii(module);
  std::string names(module);
  if (lower.ends_with(".exe") && lower.size() > kExtensionSize)
    names.append(" ").append(lower.substr(0, lower.size() - kExtensionSize));
  return names;
}

class HummingbirdTranslator {
 public:
  explicit HummingbirdTranslator(std::string_view text) : text_(text) {}

  ForeignConfig Translate() {
    for (const ForeignLine& line : SplitForeignLines(text_, CommentStart::kAnywhere)) {
      KeepComment(line, &routes_);
      if (!line.fields.empty()) AddLine(line);
    }
    if (balance_line_ != 0) config_.Warn(balance_line_, "there is no SOCKD line behind this BALANCE");
    CheckNameServers();
    config_.Add(proxy_name_line_,
                proxy_name_line_ != 0 ? "resolveprotocol: local-then-fake" : "resolveprotocol: local");
    AddPrograms();
    routes_.Write(Action::kBlock, &config_);
    return std::move(config_);
  }

 private:
  struct Module {
    unsigned line;
    std::string processes;
  };

  void AddLine(const ForeignLine& line) {
    constexpr auto kKeywords = std::to_array<FixedText<14>>(
        {"DIRECT", "SOCKD4", "SOCKD5", "BALANCE", "PROXY_NAME", "EXCLUDE-MODULE", "BIND-MODULE"});
    line_ = line.number;
    fields_ = line.fields;
    next_ = 0;
    bool good = true;
    if (Accept("BALANCE")) {
      balance_line_ = line_;
      if (next_ == fields_.size()) return;
    }
    if (Accept("DIRECT")) {
      ForeignRoute route;
      route.action = Action::kDirect;
      good = ReadRoute(std::move(route));
    } else if (Accept("SOCKD4")) {
      good = ReadProxyRoute("proxyprotocol: socks_v4", true);
    } else if (Accept("SOCKD5")) {
      good = ReadProxyRoute("proxyprotocol: socks_v5", false);
    } else if (Accept("PROXY_NAME")) {
      good = ReadServers(&name_servers_);
      proxy_name_line_ = line_;
    } else if (Accept("EXCLUDE-MODULE")) {
      good = ReadModule(&excluded_);
    } else if (Accept("BIND-MODULE")) {
      good = ReadModule(&binding_);
    } else {
      const std::string_view word = fields_[next_].text;
      Fail("expected a keyword, found " + Quoted(word), DidYouMean(word, kKeywords));
      return;
    }
    if (good && next_ < fields_.size()) Fail("expected the end of the line, found " + Found());
  }

  bool Accept(std::string_view keyword) {
    if (next_ == fields_.size() || !EqualsIgnoreCase(fields_[next_].text, keyword)) return false;
    ++next_;
    return true;
  }

  // `@=a,b`, as it is behind `via:`.
  bool ReadServers(std::string* servers) {
    if (next_ == fields_.size() || !fields_[next_].text.starts_with("@="))
      return Fail("expected '@=' and servers, found " + Found());
    const ForeignField& field = fields_[next_++];
    const std::optional<std::string> text =
        ForeignServers(field.text.substr(2), line_, field.column + 2, &config_);
    if (text) *servers = *text;
    return text.has_value();
  }

  bool ReadProxyRoute(std::string options, bool takes_tcp_alone) {
    ForeignRoute route;
    route.action = Action::kProxies;
    route.takes_tcp_alone = takes_tcp_alone;
    if (std::exchange(balance_line_, 0) != 0) options += " balance: random";
    route.options = std::move(options);
    if (!ReadServers(&route.servers)) return false;
    used_servers_ += route.servers + ", ";
    return ReadRoute(std::move(route));
  }

  // The destination, and what stands behind it.
  bool ReadRoute(ForeignRoute route) {
    route.line = line_;
    if (next_ == fields_.size()) return Fail("expected a destination, found the end of the line");
    const ForeignField destination = fields_[next_++];
    std::vector<std::string> destinations;
    std::string_view name = destination.text;
    if (name.starts_with("*.")) name.remove_prefix(1);
    const bool is_numeric = name.find_first_not_of("0123456789./") == std::string_view::npos;
    if (!is_numeric) {
      const std::optional<std::string> known = ForeignName(name);
      if (!known) {
        --next_;
        return Fail("expected an address or *.domain, found " + Found());
      }
      route.to_kind = To::kName;
      destinations = {*known};
    } else {
      destinations = ReadNetworks(destination);
      if (destinations.empty()) return false;
      route.to_kind = destinations[0].ends_with("/0") ? To::kEverything : To::kAddresses;
      if (route.to_kind == To::kEverything) destinations[0] = "0/0";
    }
    if (next_ < fields_.size()) {
      if (!IsForeignPort(fields_[next_].text))
        return Fail("expected a port number or the name of a service, found " + Found());
      route.port = "= " + std::string(fields_[next_++].text);
    }
    for (std::string& each : destinations) {
      route.to = std::move(each);
      if (route.action == Action::kProxies && (!bind_route_ || route.to_kind == To::kEverything))
        bind_route_ = route;
      routes_.Add(route);
    }
    return true;
  }

  // `address mask`, `address/length` or both, which must then agree.
  std::vector<std::string> ReadNetworks(const ForeignField& destination) {
    const size_t slash = destination.text.find('/');
    ForeignField mask;
    if (next_ < fields_.size() && IpAddress::Parse(fields_[next_].text)) mask = fields_[next_++];
    if (slash == std::string_view::npos) {
      if (!mask.text.empty()) return ForeignNetworks(destination, mask, line_, &config_);
      Fail("expected a netmask, found " + Found());
      return {};
    }
    const std::optional<unsigned> bits = ParseDecimal(destination.text.substr(slash + 1), 32);
    const ForeignField address{destination.text.substr(0, slash), destination.column};
    if (!bits) {
      config_.Fail(
          line_, destination.column + static_cast<unsigned>(slash) + 1,
          "expected a prefix length from 0 to 32, found " + Quoted(destination.text.substr(slash + 1)));
      return {};
    }
    const std::string length = IpAddress::V4(*bits == 0 ? 0 : ~uint32_t{0} << (32 - *bits)).ToString();
    if (!mask.text.empty() && mask.text != length) {
      config_.Fail(
          line_, mask.column,
          "expected " + length + " behind " + Quoted(destination.text) + ", found " + Quoted(mask.text),
          "leave one of them out");
      return {};
    }
    return ForeignNetworks(address, {length, destination.column}, line_, &config_);
  }

  bool ReadModule(std::vector<Module>* modules) {
    if (next_ == fields_.size()) return Fail("expected the name of a program, found the end of the line");
    const std::optional<std::string> processes = ProcessNames(fields_[next_].text);
    if (!processes) return Fail("expected the name of a program, found " + Found());
    ++next_;
    modules->push_back({line_, *processes});
    return true;
  }

  void CheckNameServers() {
    if (name_servers_.empty()) return;
    for (const std::string_view server : SplitList(name_servers_)) {
      if (used_servers_.find(std::string(Trim(server)) + ',') != std::string::npos) continue;
      config_.Warn(proxy_name_line_,
                   "names that the system does not know are resolved by the proxy that a connection goes "
                   "through, not by this one",
                   "list the proxies of the SOCKD lines here");
      return;
    }
  }

  // Excluded programs come first of all; the others' BIND goes where everything goes, or else to the first
  // proxy there is.
  void AddPrograms() {
    std::vector<ForeignRoute> first;
    for (const Module& module : excluded_) {
      ForeignRoute route;
      route.line = module.line;
      route.action = Action::kDirect;
      route.conditions = "process: " + module.processes;
      first.push_back(std::move(route));
    }
    for (const Module& module : binding_) {
      if (!bind_route_) {
        config_.Warn(module.line, "there is no SOCKD line: the program listens on this machine");
        continue;
      }
      ForeignRoute route = *bind_route_;
      route.line = module.line;
      route.to_kind = To::kEverything;
      route.to = "0/0";
      route.port.clear();
      route.conditions = "command: bind process: " + module.processes;
      route.takes_tcp_alone = false;
      first.push_back(std::move(route));
    }
    routes_.AddInFront(std::move(first));
  }

  std::string Found() const {
    return next_ < fields_.size() ? Quoted(fields_[next_].text) : "the end of the line";
  }

  bool Fail(std::string message, std::string remedy = {}) {
    const unsigned column = next_ < fields_.size() ? fields_[next_].column : 0;
    config_.Fail(line_, column, std::move(message), std::move(remedy));
    return false;
  }

  std::string_view text_;
  ForeignConfig config_;
  ForeignRoutes routes_;
  std::vector<Module> excluded_;
  std::vector<Module> binding_;
  std::optional<ForeignRoute> bind_route_;
  std::string name_servers_;  // of PROXY_NAME
  std::string used_servers_;  // of all SOCKD lines, each followed by a comma
  unsigned proxy_name_line_ = 0;
  unsigned balance_line_ = 0;  // of a BALANCE whose line has not come yet
  // The line that is being read.
  unsigned line_ = 0;
  std::vector<ForeignField> fields_;
  size_t next_ = 0;
};

}  // namespace

ForeignConfig TranslateHummingbird(std::string_view text, const ForeignHost& /*host*/) {
  return HummingbirdTranslator(text).Translate();
}

}  // namespace socksify
