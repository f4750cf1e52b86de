// SPDX-License-Identifier: BSD-2-Clause
// NEC socks5, /etc/libsocks5.conf:
//
//   noproxy|socks4|socks5 command destination port [users [servers]]
//
// '-' stands for any. The first line that matches decides, and without one the connection goes direct. In the
// literature columns are left out: servers stand in the place of the users, the command is missing, or '--'
// is two columns. So several readings of a line are tried, the manual's first.
#include <algorithm>
#include <array>
#include <climits>
#include <utility>

#include "base/fixed_text.h"
#include "base/ip_address.h"
#include "base/text.h"
#include "routing/foreign_config.h"
#include "routing/foreign_routes.h"
#include "routing/proxy_url.h"
#include "routing/quoting.h"
#include "routing/service_names.h"
#include "routing/suggestion.h"

namespace socksify {
namespace {

using Action = ForeignRoute::Action;
using To = ForeignRoute::To;
using Fields = std::vector<ForeignField>;

// What one reading of a line comes to.
struct Reading {
  ForeignRoute route;
  std::vector<std::string> destinations;
  ForeignConfig remarks;
  bool is_for_nothing = false;  // no connection is meant: ping, traceroute, an empty range
};

bool IsDashes(std::string_view text) {
  return text.find_first_not_of('-') == std::string_view::npos;
}

// "--" as the two columns that it may have been.
Fields WithSplitDashes(const Fields& fields) {
  Fields split;
  for (const ForeignField& field : fields) {
    if (!IsDashes(field.text)) {
      split.push_back(field);
      continue;
    }
    for (size_t i = 0; i < field.text.size(); ++i)
      split.push_back({field.text.substr(i, 1), field.column + static_cast<unsigned>(i)});
  }
  return split;
}

// A range that was written with blanks in it is one field.
Fields WithJoinedRanges(std::string_view line, const Fields& fields) {
  Fields joined;
  for (const ForeignField& field : fields) {
    const bool is_open = !joined.empty() && joined.back().text.find_first_of("[(") == 0 &&
                         joined.back().text.find_first_of("])") == std::string_view::npos;
    if (!is_open) {
      joined.push_back(field);
      continue;
    }
    ForeignField& range = joined.back();
    range.text = line.substr(range.column - 1, field.column - range.column + field.text.size());
  }
  return joined;
}

std::vector<Fields> OtherReadings(const Fields& fields) {
  if (fields.empty()) return {};
  Fields without_command = fields;
  without_command.insert(without_command.begin(), {"-", 0});
  if (IsDashes(fields[0].text)) return {WithSplitDashes(fields), without_command};
  // A command that is none is not taken for a host's name.
  if (fields[0].text.find('.') == std::string_view::npos) return {WithSplitDashes(fields)};
  return {without_command, WithSplitDashes(without_command)};
}

// Servers are told from users by their being addresses or having a dot or a port.
bool IsServerList(std::string_view list) {
  return list.find_first_of(".:") != std::string_view::npos;
}

class NecTranslator {
 public:
  NecTranslator(std::string_view text, const ForeignHost& host) : text_(text), host_(host) {}

  ForeignConfig Translate() {
    config_.Add(0, "resolveprotocol: local-then-fake");
    for (const ForeignLine& line : SplitForeignLines(text_, CommentStart::kWordStart)) {
      KeepComment(line, &routes_);
      if (!line.fields.empty()) AddLine(line);
    }
    routes_.Write(Action::kDirect, &config_);
    return std::move(config_);
  }

 private:
  void AddLine(const ForeignLine& line) {
    constexpr auto kKeywords = std::to_array<FixedText<7>>({"noproxy", "socks4", "socks5"});
    line_ = line.number;
    const std::string keyword = ToLowerAscii(line.fields[0].text);
    if (std::ranges::find(kKeywords, std::string_view(keyword)) == kKeywords.end()) {
      config_.Fail(line_, line.fields[0].column,
                   "expected 'noproxy', 'socks4' or 'socks5', found " + Quoted(line.fields[0].text),
                   DidYouMean(keyword, kKeywords));
      return;
    }
    const Fields all = WithJoinedRanges(line.text, line.fields);
    const Fields fields(all.begin() + 1, all.end());
    Reading reading = Read(keyword, fields);
    if (!reading.remarks.errors.empty()) {
      for (const Fields& other : OtherReadings(fields)) {
        Reading second = Read(keyword, other);
        // A mistyped port must not become a user, for whom alone the line would count.
        const bool has_users = second.route.conditions.find("user:") != std::string::npos;
        if (!second.remarks.errors.empty() || has_users) continue;
        std::string text = keyword;
        for (const ForeignField& field : other) text.append(" ").append(field.text);
        second.remarks.Warn(line_, "a column is missing in this line: it is read as " + Quoted(text),
                            "write it so");
        reading = std::move(second);
        break;
      }
    }
    Take(line, std::move(reading));
  }

  void Take(const ForeignLine& line, Reading reading) {
    ForeignConfig& remarks = reading.remarks;
    std::ranges::move(remarks.warnings, std::back_inserter(config_.warnings));
    std::ranges::move(remarks.errors, std::back_inserter(config_.errors));
    if (!remarks.errors.empty()) return;
    if (reading.is_for_nothing) {
      routes_.AddComment(line_, "# no connection: " + std::string(line.content));
      return;
    }
    for (std::string& destination : reading.destinations) {
      reading.route.to = std::move(destination);
      routes_.Add(reading.route);
    }
  }

  Reading Read(std::string_view keyword, const Fields& fields) {
    constexpr size_t kMostFields = 5;
    Reading reading;
    reading.route.line = line_;
    reading.route.action = keyword == "noproxy" ? Action::kDirect : Action::kProxies;
    if (fields.size() < 3) {
      Fail(&reading, nullptr, "expected a command, a destination and a port, found the end of the line",
           "write '-' for any of them");
    } else if (fields.size() > kMostFields) {
      Fail(&reading, &fields[kMostFields],
           "expected the end of the line, found " + Quoted(fields[kMostFields].text));
    } else if (ReadCommand(fields[0], &reading) && ReadDestination(fields[1], &reading) &&
               ReadPort(fields[2], &reading)) {
      ReadLists(keyword, fields, &reading);
    }
    return reading;
  }

  // c connect, b bind, u udp, p ping, t traceroute; commas between them.
  bool ReadCommand(const ForeignField& field, Reading* reading) {
    takes_udp_ = true;
    if (IsDashes(field.text)) return true;
    std::string commands;
    bool has_others = false;
    takes_udp_ = false;
    for (const std::string_view item : SplitList(field.text)) {
      const char command = item.size() == 1 ? ToLowerAscii(item[0]) : '\0';
      switch (command) {
        case 'c': commands += " connect"; break;
        case 'b': commands += " bind"; break;
        case 'u':
          commands += " udpassociate";
          takes_udp_ = true;
          break;
        case 'p':
        case 't': has_others = true; break;
        default:
          return Fail(reading, &field, "expected '-' or commands, found " + Quoted(field.text),
                      "use some of c,b,u,p,t: connect, bind, udp, ping, traceroute");
      }
    }
    if (has_others)
      reading->remarks.Warn(line_, "ping and traceroute are not proxied: 'p' and 't' have no effect");
    if (commands.empty()) {
      reading->is_for_nothing = true;
    } else {
      reading->route.conditions = "command:" + commands;
    }
    return true;
  }

  bool ReadDestination(const ForeignField& field, Reading* reading) {
    const std::string_view text = field.text;
    if (IsDashes(text)) {
      reading->destinations = {"0/0"};
      return true;
    }
    const bool is_address = text.find_first_not_of("0123456789.") == std::string_view::npos;
    if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
      return ReadNetwork({text.substr(0, slash), field.column}, text.substr(slash + 1), reading);
    }
    if (is_address && text.ends_with('.')) return ReadPrefix(field, reading);
    if (is_address) return AddNetworks(field, "255.255.255.255", reading);
    const std::optional<std::string> name = ForeignName(text);
    if (!name) return Fail(reading, &field, "expected '-', an address or a name, found " + Quoted(text));
    reading->route.to_kind = To::kName;
    reading->destinations = {*name};
    return true;
  }

  // n1.  n1.n2.  n1.n2.n3.
  bool ReadPrefix(const ForeignField& field, Reading* reading) {
    constexpr std::array kMasks = {"255.0.0.0", "255.255.0.0", "255.255.255.0"};
    const auto dots = static_cast<size_t>(std::ranges::count(field.text, '.'));
    if (dots > kMasks.size())
      return Fail(reading, &field, "expected the beginning of an address, found " + Quoted(field.text));
    std::string address(field.text);
    for (size_t i = dots; i < 4; ++i) address += i == 3 ? "0" : "0.";
    return AddNetworks({address, field.column}, kMasks[dots - 1], reading);
  }

  bool ReadNetwork(const ForeignField& address, std::string_view mask, Reading* reading) {
    const std::optional<IpAddress> ip = IpAddress::Parse(address.text);
    if (!ip || !ip->is_v4())
      return Fail(reading, &address, "expected an IPv4 address, found " + Quoted(address.text));
    const char type = mask.size() == 1 ? ToLowerAscii(mask[0]) : '\0';
    const std::string classful = ClassfulMask(*ip);
    if (type == 'a') {
      reading->destinations = {"0/0"};
      return true;
    }
    if (type == 's') {
      // Wider than the subnet, which is only good for what goes to a proxy.
      if (reading->route.action == Action::kDirect)
        return Fail(reading, &address,
                    "expected a netmask, found 's': which subnet it is cannot be seen here",
                    "write the mask: ADDRESS/255.255.255.0");
      reading->remarks.Warn(line_, "which subnet 's' is cannot be seen here: the mask is " + classful,
                            "write the mask: ADDRESS/255.255.255.0");
    }
    if (type == 'n' || type == 's') return AddNetworks(address, classful, reading);
    if (type == 'h') return AddNetworks(address, "255.255.255.255", reading);
    if (const std::optional<unsigned> bits = ParseDecimal(mask, 32)) {
      const uint32_t value = *bits == 0 ? 0 : ~uint32_t{0} << (32 - *bits);
      return AddNetworks(address, IpAddress::V4(value).ToString(), reading);
    }
    return AddNetworks(address, mask, reading);
  }

  static std::string ClassfulMask(const IpAddress& ip) {
    const uint32_t value = ip.v4_value();
    if (value >> 31 == 0) return "255.0.0.0";
    return value >> 30 == 2 ? "255.255.0.0" : "255.255.255.0";
  }

  bool AddNetworks(const ForeignField& address, std::string_view mask, Reading* reading) {
    reading->destinations = ForeignNetworks(address, {mask, address.column}, line_, &reading->remarks);
    if (reading->destinations.empty()) return false;
    if (reading->destinations[0].ends_with("/0")) {
      reading->destinations[0] = "0/0";
    } else {
      reading->route.to_kind = To::kAddresses;
    }
    return true;
  }

  bool ReadPort(const ForeignField& field, Reading* reading) {
    const std::string_view text = field.text;
    if (IsDashes(text)) return true;
    if (text[0] != '[' && text[0] != '(') {
      if (!IsForeignPort(text))
        return Fail(reading, &field, "expected '-', a port, a service or a range, found " + Quoted(text));
      reading->route.port = "= " + std::string(text);
      return true;
    }
    const std::vector<std::string_view> ends = SplitList(text.substr(1, text.size() - 2));
    const bool is_closed = text.size() > 2 && (text.back() == ']' || text.back() == ')');
    if (!is_closed || ends.size() != 2)
      return Fail(reading, &field, "expected a range of ports, found " + Quoted(text), "write [FIRST,LAST]");
    const std::optional<unsigned> first = PortNumber(Trim(ends[0]));
    const std::optional<unsigned> last = PortNumber(Trim(ends[1]));
    if (!first || !last)
      return Fail(reading, &field, "expected a range of ports from 0 to 65535, found " + Quoted(text));
    const unsigned least = *first + (text[0] == '(' ? 1 : 0);
    const unsigned bound = *last + (text.back() == ']' ? 1 : 0);  // the first one past it
    if (least >= bound) {
      reading->remarks.Warn(line_, "there is no port in " + Quoted(text));
      reading->is_for_nothing = true;
      return true;
    }
    reading->route.port = std::to_string(least) + '-' + std::to_string(bound - 1);
    return true;
  }

  static std::optional<unsigned> PortNumber(std::string_view text) {
    if (const std::optional<unsigned> number = ParseDecimal(text, 65535)) return number;
    return BuiltInServicePort(text);
  }

  void ReadLists(std::string_view keyword, const Fields& fields, Reading* reading) {
    const ForeignField none{"-", 0};
    ForeignField users = fields.size() > 3 ? fields[3] : none;
    ForeignField servers = fields.size() > 4 ? fields[4] : none;
    if (fields.size() == 4 && IsServerList(users.text)) std::swap(users, servers);
    if (!IsDashes(users.text) && !ReadUsers(users, reading)) return;
    if (reading->route.action == Action::kDirect) {
      if (!IsDashes(servers.text)) reading->remarks.Warn(line_, "the servers of this line have no effect");
      return;
    }
    ForeignRoute& route = reading->route;
    const bool is_socks4 = keyword == "socks4";
    const char* const variable = is_socks4 ? "SOCKS4_SERVER" : "SOCKS5_SERVER";
    route.options = is_socks4 ? "proxyprotocol: socks_v4" : "proxyprotocol: socks_v5";
    route.takes_tcp_alone = is_socks4 && takes_udp_;
    std::optional<std::string> text;
    if (!IsDashes(servers.text)) {
      text = ForeignServers(servers.text, line_, servers.column, &reading->remarks);
    } else if (const auto value = host_.variable(variable); value && !value->empty()) {
      text = ForeignServersOfVariable(variable, *value, &reading->remarks);
      if (text && IsForeignUrl(*text)) route.options.clear();
    } else {
      Fail(reading, nullptr, "expected servers at the end of the line, found none",
           IsDashes(users.text) ? std::string("write HOST[:PORT] behind the users, or set ") + variable
                                : "what stands there is a list of users; write '-' and then the servers");
    }
    if (text) route.servers = std::move(*text);
  }

  bool ReadUsers(const ForeignField& field, Reading* reading) {
    std::string users = "user:";
    for (const std::string_view user : SplitList(field.text)) {
      // A number is rather a port in the wrong column.
      if (!IsForeignUser(user) || ParseDecimal(user, UINT_MAX))
        return Fail(reading, &field, "expected '-' or names of users, found " + Quoted(field.text));
      users.append(" ").append(user);
    }
    std::string& conditions = reading->route.conditions;
    conditions += (conditions.empty() ? "" : " ") + users;
    return true;
  }

  bool Fail(Reading* reading, const ForeignField* field, std::string message, std::string remedy = {}) const {
    reading->remarks.Fail(line_, field != nullptr ? field->column : 0, std::move(message), std::move(remedy));
    return false;
  }

  std::string_view text_;
  const ForeignHost& host_;
  ForeignConfig config_;
  ForeignRoutes routes_;
  unsigned line_ = 0;
  bool takes_udp_ = true;
};

}  // namespace

ForeignConfig TranslateNec(std::string_view text, const ForeignHost& host) {
  return NecTranslator(text, host).Translate();
}

}  // namespace socksify
