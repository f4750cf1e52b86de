// SPDX-License-Identifier: BSD-2-Clause
// ForeignRoutes: the rules of a client that looks every name up and compares addresses, as routes of ours.
//
// A route for a name (`to: .example.org`) is only met by connections that arrive by name, so it gets
// `resolve: fake`. But such a connection passes rules for addresses by, which in the original would have
// known the name's address. Where one of these leads to a proxy or denies, a later rule that goes direct must
// not get what it has not had the chance to take: such names are blocked there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/foreign_config.h"
#include "routing/foreign_lines.h"

namespace socksify {

struct ForeignRoute {
  enum class To : uint8_t {
    kEverything,  // `to` is 0/0
    kAddresses,   // a network or an address
    kName,        // a name, or a domain with a dot in front
  };
  enum class Action : uint8_t { kDirect, kBlock, kProxies };

  unsigned line = 0;
  To to_kind = To::kEverything;
  std::string to = "0/0";
  std::string port;        // "= 80"; empty: any
  std::string conditions;  // other options that narrow it: "user: alice"; may be empty
  Action action = Action::kBlock;
  std::string servers;  // kProxies: as behind `via:`
  std::string options;  // of the servers: "proxyprotocol: socks_v4"; may be empty
  // The servers take no UDP, so a datagram would go on to the next route; it is blocked instead.
  bool takes_tcp_alone = false;

  bool IsNarrow() const { return !port.empty() || !conditions.empty(); }
};

class ForeignRoutes {
 public:
  // In the order of the original.
  void Add(ForeignRoute route);
  // Before all that is there.
  void AddInFront(std::vector<ForeignRoute> routes);
  // A line of its own in front of the next route.
  void AddComment(unsigned line, std::string_view text);

  // Appends all of them to `config`, and at the end what becomes of a connection that none has met: kDirect
  // or kBlock.
  void Write(ForeignRoute::Action otherwise, ForeignConfig* config);

 private:
  struct Entry {
    ForeignRoute route;
    std::string comment;  // instead of a route where it is not empty
    bool is_warned_of = false;
  };

  // A route by which a name goes direct, behind one for addresses.
  bool IsLeftOut(const ForeignRoute& route) const;
  void LeaveOut(const ForeignRoute& route, ForeignConfig* config) const;
  // The names that must not meet the route at `index`, by which everything goes direct.
  void WriteGuards(size_t index, ForeignConfig* config);

  std::vector<Entry> entries_;
  bool is_full_ = false;
  // While writing.
  unsigned addresses_line_ = 0;  // of the first rule for addresses that does not go direct; 0: none so far
};

// The name, or domain with a dot in front, in lower case and without a dot at the end; nothing where it
// cannot be one.
std::optional<std::string> ForeignName(std::string_view name);

// Servers `HOST[:PORT]` separated by commas, as behind `via:`. Reports what is wrong, and then is nothing.
std::optional<std::string> ForeignServers(std::string_view list, unsigned line, unsigned column,
                                          ForeignConfig* config);

// The same of the variable `name`, which may also be one URL, as other clients have it; see IsForeignUrl.
std::optional<std::string> ForeignServersOfVariable(const char* name, std::string_view value,
                                                    ForeignConfig* config);
// Whether servers are a URL, which says itself by which protocol.
bool IsForeignUrl(std::string_view servers);

// The networks of an address and a mask, of which any bits may be set: `10.0.0.0/8`. Reports what is wrong,
// and then is empty.
std::vector<std::string> ForeignNetworks(const ForeignField& address, const ForeignField& mask, unsigned line,
                                         ForeignConfig* config);

// A port number or the name of a service, as behind `port =`.
bool IsForeignPort(std::string_view text);

// A login name, as behind `user:`.
bool IsForeignUser(std::string_view text);

// Comments of the original that stand alone in their line, as they are.
void KeepComment(const ForeignLine& line, ForeignRoutes* routes);

}  // namespace socksify
