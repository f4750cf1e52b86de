// SPDX-License-Identifier: BSD-2-Clause
// ConfigDraft: what the parser read, before names of servers are looked up. Lives only while a configuration
// is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/config.h"
#include "routing/proxy_url.h"
#include "routing/source_text.h"

namespace socksify {

// One server as a `via:` list writes it.
struct HopDraft {
  Location where;
  std::string word;  // as it was written, without the port: perhaps a server's name
  bool in_place =
      true;        // an address or URL with what belongs to it; false: `word` alone, which may be a name
  ProxyUrl proxy;  // valid when `is_host`
  bool is_host = false;  // `word` can be a host
  bool may_ask = false;  // the launcher may ask for its password
};

struct TargetDraft {
  Target::Kind kind = Target::Kind::kDirect;
  std::vector<HopDraft> hops;
  Location where;
  unsigned weight = 1;
  std::optional<Location> weight_where = std::nullopt;  // where a weight is given
};

struct RouteDraft {
  const SourceText* source = nullptr;
  Rule rule;  // all but its targets
  std::vector<TargetDraft> group;
  std::vector<TargetDraft> fallback;
  bool transports_given = false;
  bool commands_given = false;
  bool loses_udp = false;  // set by the linker: it is for UDP too, but none of its servers carries that
  // For the servers written in place; 0: not given.
  uint8_t protocols = 0;
  uint8_t methods = 0;
  uint8_t extensions = 0;  // 1: bind
  Chain chain = Chain::kStrict;
  unsigned chain_length = 0;  // 0: not given
  std::optional<Location> chain_where;
  std::optional<Location> chain_length_where;
  Location resolve_where;
  Location protocols_where;
  Location methods_where;
};

struct ServerDraft {
  const SourceText* source = nullptr;
  std::unique_ptr<Server> server;
  Location methods_where;
};

// Where something was written; `source` is null for a variable of the environment.
struct Place {
  const SourceText* source = nullptr;
  Location where;
};

struct ConfigDraft {
  Settings settings;
  Place resolve_place;                    // of `resolveprotocol`
  std::vector<Place> name_server_places;  // one for each of settings.name_servers
  std::string credentials_file;           // `credentials`; empty: not given
  Place credentials_place;
  // What the environment says of every name, whatever the routes say.
  std::optional<ResolveProtocol> resolve_everything;
  std::vector<ServerDraft> servers;
  // By name, where in `servers` the first one of that name is; the names are the servers' own.
  std::map<std::string_view, size_t> server_numbers;
  std::vector<RouteDraft> routes;
};

}  // namespace socksify
