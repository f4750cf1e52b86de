// SPDX-License-Identifier: BSD-2-Clause
// Settings: names, scripts and credentials of one server. Thread-safe: may be changed while it runs; a
// connection sees what holds when it asks.
//
// A pattern is HOST or HOST:PORT, where HOST is a name, an IP address in its usual text form (IPv6 in
// brackets when a port follows), *.SUFFIX for every name below SUFFIX, or * for everything. Names are
// compared without regard to case. The most exact pattern wins: the host itself before the longest suffix
// before *, and among equals the one with a port.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/origin.h"
#include "tests/server/script.h"

namespace socksify::testserver {

struct Credentials {
  std::string user;
  std::string password;
};

class Settings {
 public:
  void AddOrigin(std::string_view pattern, Origin origin);
  void AddScript(std::string_view pattern, Script script);  // its reply and close steps count
  void SetScript(Script script);
  void SetCredentials(std::optional<Credentials> credentials);
  void SetUdp(bool offered);   // without: UDP ASSOCIATE is refused with reply 7
  void SetBind(bool offered);  // without: BIND is refused with reply 7, with SOCKS4 91
  void SetHttp(bool offered);  // without: a client that begins with a letter is malformed

  // The origin of a destination. IP addresses that no pattern names stand for themselves, names are unknown.
  Origin FindOrigin(std::string_view host, uint16_t port) const;
  // The script of a destination, or the server's own where no pattern names it.
  Script FindScript(std::string_view host, uint16_t port) const;
  Script script() const;
  // Set: user name and password are demanded of SOCKS5 and HTTP clients, and the user name of SOCKS4 clients.
  std::optional<Credentials> credentials() const;
  bool udp() const;
  bool bind() const;
  bool http() const;

 private:
  struct Pattern {
    std::string host;   // lower case; a suffix with its dot for *.SUFFIX, empty for *
    uint16_t port = 0;  // 0: any
    bool is_suffix = false;
  };
  template <typename T>
  struct Entry {
    Pattern pattern;
    T value;
  };

  static Pattern ParsePattern(std::string_view text);
  // How well `pattern` fits; 0 for not at all.
  static size_t Score(const Pattern& pattern, std::string_view host, uint16_t port);
  // The best entry, the last added among equals; null for none.
  template <typename T>
  static const T* Find(const std::vector<Entry<T>>& entries, std::string_view host, uint16_t port);

  mutable std::mutex mutex_;
  std::vector<Entry<Origin>> origins_;
  std::vector<Entry<Script>> scripts_;
  Script script_;
  std::optional<Credentials> credentials_;
  bool udp_ = true;
  bool bind_ = true;
  bool http_ = true;
};

}  // namespace socksify::testserver
