// SPDX-License-Identifier: BSD-2-Clause
// Server: one upstream proxy as the configuration describes it. Immutable once its RouteTable is built, which
// owns it, but for what its readers keep there; pointers to it live as long as the table.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "base/endpoint.h"
#include "routing/location.h"

namespace socksify {

// The dialects that a server may be spoken to in, as bits.
enum ServerProtocol : uint8_t {
  kServerSocks4 = 1,   // socks4:// : addresses only
  kServerSocks4a = 2,  // socks4a://, and Dante's socks_v4, whose client sends names by 4A
  kServerSocks5 = 4,   // socks5://, socks5h://, socks://, socks_v5
  kServerHttp = 8,     // http://, http_v1.0
  kServerUpnp = 16,    // upnp
};

// Authentication methods that may be offered, as bits.
enum ServerMethod : uint8_t {
  kMethodNone = 1,
  kMethodUsername = 2,  // RFC 1929
  kMethodGssapi = 4,    // RFC 1961
  kMethodDigest = 8,    // HTTP Digest (RFC 7616) alone: the password itself is never sent
};

// Where a password comes from that the configuration does not hold.
enum class PasswordSource : uint8_t {
  kNone,
  kCommand,  // password.command: the first line that it writes
  kPrompt,   // password.prompt: the user is asked
};

// How the messages of a SOCKS5 handshake are sent (`handshake`).
enum class HandshakeMode : uint8_t {
  kAuto,       // in one flight where the server is known to take it
  kStrict,     // each after the reply to the one before
  kPipelined,  // in one flight
};

// A number that readers of a value work out of it and keep there: 0 until one has, and in copies, which may
// be changed. Thread-safe.
class KeptNumber {
 public:
  KeptNumber() = default;
  KeptNumber(const KeptNumber& /*other*/) noexcept {}
  KeptNumber& operator=(const KeptNumber& /*other*/) noexcept {
    Keep(0);
    return *this;
  }
  uint64_t Get() const { return number_.load(std::memory_order_relaxed); }
  void Keep(uint64_t number) const { number_.store(number, std::memory_order_relaxed); }

 private:
  mutable std::atomic<uint64_t> number_ = 0;
};

struct Server {
  std::string name;       // of the `server` block; empty for one written in place
  Endpoint address;       // an IP address, or a name that is resolved locally when it is used
  uint8_t protocols = 0;  // ServerProtocol bits; at least one
  uint8_t methods = 0;    // ServerMethod bits; at least one
  std::string username;   // RFC 1929 user name, SOCKS4 user id; empty: the environment decides
  std::string password;   // never printed
  bool has_password = false;
  // The launcher gets such a password and hands it on; see ConfigHost::handed_password.
  PasswordSource password_source = PasswordSource::kNone;
  std::string password_command;     // kCommand: for /bin/sh -c
  bool has_bind_extension = false;  // Dante's `extension: bind`
  HandshakeMode handshake = HandshakeMode::kAuto;
  // The program is told of success when the request has been sent, and its bytes follow (`early-data`). Never
  // of an HTTP proxy: one that refuses a CONNECT reads on, and takes what follows for its next request.
  bool takes_early_data = false;
  Location where;  // the line that introduces it

  // Set when this server cannot be used by this version, with the reason for people ("gssapi is not supported
  // yet; use method: username"). A path through it fails with this reason and never falls back to direct.
  std::string unusable;

  // The hash of its entry's key (resolver/health_table.h), which each connection asks for. Whoever changes
  // the address or the protocols afterwards has to forget it.
  KeptNumber health_tag;
};
// Else a vector that grows would copy, and leave the password behind.
static_assert(std::is_nothrow_move_constructible_v<Server>);

// What a handed-on password is kept under: the same server and user of any configuration have the same key.
std::string PasswordKey(const Server& server);

// How the servers of a chain are used (`chain`).
enum class Chain : uint8_t {
  kStrict,      // all of them, in their order
  kDynamic,     // all that can be reached, in their order; at least one
  kRandom,      // Target::chain_length of them, in any order
  kRoundRobin,  // likewise, in their order, each connection from the next one on
};

// What stands behind `via:`: straight to the destination, nowhere, or through one server or a chain.
struct Target {
  enum class Kind : uint8_t { kDirect, kBlock, kProxies };
  Kind kind = Kind::kDirect;
  std::vector<const Server*> hops;  // in the order they are reached; for kProxies at least one
  Location where;
  Chain chain = Chain::kStrict;
  // How many of the hops one connection uses: kRandom and kRoundRobin. 0: as many as can be reached.
  unsigned chain_length = 0;
  // Its share where the group is balanced by kRandom, kRoundRobin or kHash; at least 1.
  unsigned weight = 1;

  // The largest number of hops of a chain that is not kStrict; more is a configuration error.
  static constexpr size_t kMaxChosenHops = 64;
};

}  // namespace socksify
