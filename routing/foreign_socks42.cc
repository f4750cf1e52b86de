// SPDX-License-Identifier: BSD-2-Clause
// SOCKS 4.2 (CSTC), /etc/socks.conf:
//
//   deny   [*=users] dst mask [op port] [: command]
//   direct [*=users] dst mask [op port] [: command]
//   sockd  [@=servers] [*=users] dst mask [op port] [: command]
//
// The first line that matches decides, and without one the connection is denied. Its client looks every name
// up and compares the address, so the translation says `resolveprotocol: local`, or `udp` where SOCKS_NS
// names the name server to ask.
#include <algorithm>
#include <array>
#include <utility>

#include "base/fixed_text.h"
#include "base/ip_address.h"
#include "base/text.h"
#include "routing/foreign_config.h"
#include "routing/foreign_routes.h"
#include "routing/name_server.h"
#include "routing/quoting.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

using Action = ForeignRoute::Action;

struct Operator {
  FixedText<3> name;
  FixedText<2> ours;
};
constexpr auto kOperators =
    std::to_array<Operator>({Operator{"eq", "="}, Operator{"neq", "!="}, Operator{"lt", "<"},
                             Operator{"gt", ">"}, Operator{"le", "<="}, Operator{"ge", ">="}});

class Socks42Translator {
 public:
  Socks42Translator(std::string_view text, const ForeignHost& host) : text_(text), host_(host) {}

  ForeignConfig Translate() {
    AddSettings();
    if (const auto server = host_.variable("SOCKS_SERVER"); server && !server->empty()) {
      has_server_variable_ = true;
      server_ = ForeignServersOfVariable("SOCKS_SERVER", *server, &config_);
    }
    for (const ForeignLine& line : SplitForeignLines(text_, CommentStart::kAnywhere)) {
      KeepComment(line, &routes_);
      if (!line.fields.empty()) AddLine(line);
    }
    routes_.Write(Action::kBlock, &config_);
    return std::move(config_);
  }

 private:
  void AddSettings() {
    if (const auto domain = host_.variable("SOCKS_DNAME"); domain && !domain->empty())
      config_.Warn(0, "SOCKS_DNAME has no effect", "names are completed as resolv.conf(5) says: 'search'");
    const std::optional<std::string> variable = host_.variable("SOCKS_NS");
    std::string list = variable.value_or("");
    std::ranges::replace(list, ',', ' ');
    const std::vector<ForeignLine> lines = SplitForeignLines(list, CommentStart::kLineStart);
    if (lines.empty() || lines[0].fields.empty()) {
      config_.Add(0, "resolveprotocol: local");
      return;
    }
    std::vector<Endpoint> servers;
    for (const ForeignField& field : lines[0].fields) {
      const std::expected<HostPort, TextProblem> server = ParseNameServer(field.text);
      if (server)
        servers.push_back(server->address);
      else
        config_.Fail(0, 0, "SOCKS_NS: " + server.error().message, server.error().remedy);
    }
    config_.Add(0, "resolveprotocol: udp");
    std::string settings;
    for (const Endpoint& server : servers) {
      settings += settings.empty() ? "nameserver: " : ", ";
      settings += server.ip().ToString() + " port = " + std::to_string(server.port());
      ForeignRoute route;
      route.to_kind = ForeignRoute::To::kAddresses;
      route.to = server.ip().ToString();
      route.port = "= " + std::to_string(server.port());
      route.action = Action::kDirect;
      routes_.Add(std::move(route));
    }
    if (!settings.empty()) config_.Add(0, std::move(settings));
  }

  void AddLine(const ForeignLine& line) {
    line_ = line.number;
    fields_ = line.fields;
    next_ = 0;
    CutCommand();
    ForeignRoute route;
    route.line = line_;
    if (!ReadAction(&route.action)) return;
    std::optional<ForeignField> servers;
    if (!ReadLists(route.action, &servers, &route)) return;
    std::vector<std::string> destinations;
    if (!ReadDestination(&route, &destinations) || !ReadPort(&route)) return;
    if (next_ < fields_.size()) {
      Fail("expected the end of the line or ':' and a command, found " + Found());
      return;
    }
    if (route.action == Action::kProxies && !SetServers(servers, &route)) return;
    if (has_no_user_) {
      routes_.AddComment(line_, "# nobody: " + std::string(line.content));
      return;
    }
    for (std::string& destination : destinations) {
      route.to = std::move(destination);
      routes_.Add(route);
    }
  }

  // `: command` at the end. Nothing of a configuration is executed here.
  void CutCommand() {
    for (size_t i = 1; i < fields_.size(); ++i) {
      const bool is_list = fields_[i].text.starts_with("@=") || fields_[i].text.starts_with("*=");
      const size_t colon = is_list ? std::string_view::npos : fields_[i].text.find(':');
      if (colon == std::string_view::npos) continue;
      config_.Warn(line_, "the command of this line is not executed",
                   "the line itself counts; `socksify -v` and `--trace` report connections");
      fields_[i].text = fields_[i].text.substr(0, colon);
      fields_.resize(fields_[i].text.empty() ? i : i + 1);
      return;
    }
  }

  bool ReadAction(Action* action) {
    constexpr auto kActions = std::to_array<FixedText<6>>({"direct", "deny", "sockd"});
    constexpr std::array kMeanings = {Action::kDirect, Action::kBlock, Action::kProxies};
    const std::string word = ToLowerAscii(fields_[0].text);
    const auto* const found = std::ranges::find(kActions, std::string_view(word));
    if (found == kActions.end())
      return Fail("expected 'deny', 'direct' or 'sockd', found " + Found(), DidYouMean(word, kActions));
    *action = kMeanings[static_cast<size_t>(found - kActions.begin())];
    ++next_;
    return true;
  }

  bool ReadLists(Action action, std::optional<ForeignField>* servers, ForeignRoute* route) {
    has_no_user_ = false;
    bool has_users = false;
    for (; next_ < fields_.size(); ++next_) {
      const ForeignField& field = fields_[next_];
      if (field.text.starts_with("@=")) {
        if (action != Action::kProxies)
          return Fail("expected an address, found a list of servers", "only 'sockd' has servers");
        if (*servers) return Fail("expected one list of servers, found a second one");
        *servers = ForeignField{field.text.substr(2), field.column + 2};
      } else if (field.text.starts_with("*=")) {
        if (has_users) return Fail("expected one list of users, found a second one");
        has_users = true;
        if (!ReadUsers(field.text.substr(2), route)) return false;
      } else {
        break;
      }
    }
    return true;
  }

  bool ReadUsers(std::string_view list, ForeignRoute* route) {
    std::vector<std::string> users;
    for (const std::string_view item : SplitList(list)) {
      if (!item.starts_with('/')) {
        users.emplace_back(item);
        continue;
      }
      std::optional<std::string> file = host_.file(std::string(item));
      if (!file) return Fail("cannot read the file of users " + Quoted(item));
      for (const ForeignLine& line : SplitForeignLines(*file, CommentStart::kAnywhere)) {
        for (const ForeignField& field : line.fields) {
          for (const std::string_view user : SplitList(field.text)) {
            if (!user.empty()) users.emplace_back(user);
          }
        }
      }
    }
    for (const std::string& user : users) {
      if (!IsForeignUser(user)) return Fail("expected the name of a user, found " + Quoted(user));
      route->conditions += (route->conditions.empty() ? "user: " : " ") + user;
    }
    has_no_user_ = users.empty();
    if (has_no_user_) config_.Warn(line_, "this line counts for nobody: there is no user in its files");
    return true;
  }

  bool ReadDestination(ForeignRoute* route, std::vector<std::string>* destinations) {
    if (next_ + 2 > fields_.size())
      return Fail(next_ < fields_.size() ? "expected a netmask behind the address, found the end of the line"
                                         : "expected an address and a netmask, found the end of the line");
    const ForeignField& address = fields_[next_];
    const ForeignField& mask = fields_[next_ + 1];
    if (const std::optional<std::string> name = ForeignName(address.text); name && !IsNumeric(address.text)) {
      if (!IpAddress::Parse(mask.text)) {
        ++next_;
        return Fail("expected a netmask, found " + Found(), "write it as 255.255.255.255");
      }
      if (mask.text != "255.255.255.255") {
        ++next_;
        return Fail("expected the netmask 255.255.255.255 behind a name, found " + Found(),
                    "write the network's address instead of the name");
      }
      config_.Warn(line_,
                   "only connections to " + Quoted(address.text) +
                       " by that name meet this line: its addresses are not looked up",
                   "give its addresses lines of their own");
      route->to_kind = ForeignRoute::To::kName;
      destinations->push_back(*name);
    } else if (address.text == "0.0.0.0" && mask.text == "0.0.0.0") {
      destinations->emplace_back("0/0");
    } else {
      route->to_kind = ForeignRoute::To::kAddresses;
      *destinations = ForeignNetworks(address, mask, line_, &config_);
      if (destinations->empty()) return false;
      if (destinations->front() == "0.0.0.0/0") {
        route->to_kind = ForeignRoute::To::kEverything;
        destinations->front() = "0/0";
      }
    }
    next_ += 2;
    return true;
  }

  static bool IsNumeric(std::string_view text) {
    return text.find_first_not_of("0123456789.") == std::string_view::npos;
  }

  bool ReadPort(ForeignRoute* route) {
    if (next_ == fields_.size()) return true;
    const std::string word = ToLowerAscii(fields_[next_].text);
    const auto* const op = std::ranges::find(kOperators, std::string_view(word), &Operator::name);
    if (op == kOperators.end())
      return Fail("expected an operator or ':', found " + Found(), "use one of: eq, neq, lt, gt, le, ge");
    ++next_;
    if (next_ == fields_.size())
      return Fail("expected a port behind '" + word + "', found the end of the line");
    if (!IsForeignPort(fields_[next_].text))
      return Fail("expected a port number or the name of a service, found " + Found());
    route->port = std::string(op->ours) + ' ' + std::string(fields_[next_].text);
    ++next_;
    return true;
  }

  // SOCKS_SERVER takes the place of every list.
  bool SetServers(const std::optional<ForeignField>& servers, ForeignRoute* route) {
    route->options = "proxyprotocol: socks_v4";
    route->takes_tcp_alone = true;
    std::optional<std::string> text;
    if (has_server_variable_) {
      text = server_;
      if (text && IsForeignUrl(*text)) route->options.clear();
    } else if (servers) {
      text = ForeignServers(servers->text, line_, servers->column, &config_);
    } else {
      next_ = 0;
      return Fail("expected '@=' and servers, found none", "write sockd @=SERVER ..., or set SOCKS_SERVER");
    }
    if (!text) return false;
    route->servers = std::move(*text);
    return true;
  }

  std::string Found() const { return Quoted(fields_[next_].text); }

  bool Fail(std::string message, std::string remedy = {}) {
    const unsigned column = next_ < fields_.size() ? fields_[next_].column : 0;
    config_.Fail(line_, column, std::move(message), std::move(remedy));
    return false;
  }

  std::string_view text_;
  const ForeignHost& host_;
  ForeignConfig config_;
  ForeignRoutes routes_;
  std::optional<std::string> server_;
  bool has_server_variable_ = false;
  // The line that is being read.
  unsigned line_ = 0;
  std::vector<ForeignField> fields_;
  size_t next_ = 0;
  bool has_no_user_ = false;
};

}  // namespace

ForeignConfig TranslateSocks42(std::string_view text, const ForeignHost& host) {
  return Socks42Translator(text, host).Translate();
}

}  // namespace socksify
