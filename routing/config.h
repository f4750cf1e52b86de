// SPDX-License-Identifier: BSD-2-Clause
// Config: everything that the configuration says. Loading it needs no network; all errors of a file are
// reported at once; whatever it asks of the machine goes through ConfigHost, so it can be tested without one.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.h"
#include "base/ip_address.h"
#include "routing/diagnostic.h"
#include "routing/resolve_protocol.h"
#include "routing/route_table.h"

namespace socksify {

// `fakefamily`: which fake addresses a look-up gets that leaves the family open (AF_UNSPEC).
enum class FakeFamily : uint8_t { kIpv4, kIpv6, kBoth };
enum class AutoRoute : uint8_t { kLoopback, kLan, kNone };

struct InterfaceAddress {
  std::string interface;  // "eth0"
  IpAddress address;
  unsigned prefix_bits = 0;
};

// In the place of an errno, which is positive: the file belongs to neither the user nor root.
inline constexpr int kOfAnotherUser = -1;

// What loading may ask of the process around it. Every pointer but handed_password must be set.
struct ConfigHost {
  // secure_getenv(3) in a preload; null for an unset variable.
  const char* (*get_env)(const char* name);
  // The whole file, or the errno of the failure; EFBIG past `max_size` bytes, EISDIR for a directory.
  std::expected<std::string, int> (*read_file)(const std::string& path, size_t max_size);
  // Like read_file, for what holds passwords: kOfAnotherUser, else EPERM where others than its owner and root
  // may read or change it.
  std::expected<std::string, int> (*read_secret)(const std::string& path, size_t max_size);
  // The user id of a login name (getpwnam(3)); nothing where nobody has it; the errno of a look-up that
  // failed, after which nobody knows whether somebody has.
  std::expected<std::optional<uint32_t>, int> (*user_id)(const std::string& name);
  // The password that the launcher has handed on for `key` (PasswordKey); nothing where there is none. Null
  // in the tools: they hand on, and a server without its password is no trouble to them.
  std::optional<std::string> (*handed_password)(const std::string& key);
  // /etc/services: the port of a service name for "tcp" or "udp" (getservbyname(3)).
  std::optional<uint16_t> (*service_port)(const std::string& name, const char* transport);
  // The addresses of the machine's interfaces (getifaddrs(3)); asked only when the configuration needs them.
  std::vector<InterfaceAddress> (*interfaces)();
};

struct Settings {
  std::vector<std::string> log_outputs;    // logoutput: "syslog[/facility]", "stdout", "stderr" or file names
  std::vector<std::string> error_outputs;  // errorlog: likewise, for warnings and worse
  int debug = 0;
  // For names that no route's own `resolve:` speaks for; see RouteTable::HowToResolve.
  ResolveProtocol resolve_protocol = ResolveProtocol::kFake;
  // nameserver, else SOCKS_NS: IP addresses, in the order they are asked; empty: those of resolv.conf(5).
  // Only queries of our own go there (kTcp, kUdp), never those that libc makes for kLocal.
  std::vector<Endpoint> name_servers;
  AutoRoute auto_route = AutoRoute::kLoopback;
  unsigned connect_timeout_ms = 10'000;    // timeout.connect: to reach one server
  unsigned negotiate_timeout_ms = 20'000;  // timeout.negotiate: for one server's handshake
  unsigned max_fail = 1;                   // route.maxfail
  unsigned bad_expire_s = 300;             // route.badexpire
  FakeFamily fake_family = FakeFamily::kIpv4;
  IpAddress fake_v4 = IpAddress::V4(0xc6120000);  // fakerange: 198.18.0.0/15 (RFC 2544)
  unsigned fake_v4_bits = 15;
  IpAddress fake_v6;             // fakerange: 2001:2::/96 within 2001:2::/48 (RFC 5180)
  unsigned fake_v6_bits = 96;    // set by the loader
  bool direct_fallback = false;  // SOCKS_DIRECTROUTE_FALLBACK; already the last rule of the table
  bool bind_local_only = false;  // SOCKS_BINDLOCALONLY
};

enum class ConfigFormat : uint8_t;  // routing/foreign_config.h

struct Config {
  RouteTable routes;
  Settings settings;
  std::vector<Diagnostic> warnings;
  // Where it came from, for people: "/etc/socks.conf", "SOCKS5_SERVER", "-p".
  std::string origin;
  ConfigFormat format{};  // the language of the file
};

// What to load. Empty strings mean: not given.
struct ConfigSources {
  std::string file;                  // -f; else SOCKS_CONF, ~/.config/socksify/socks.conf, /etc/socks.conf
  std::vector<std::string> proxies;  // -p, each "URL[,URL...]": a chain; several: fallbacks in order
  // The language of the file, else SOCKSIFY_FORMAT for one that -f does not name, else as its content says.
  // Without the initializer GCC's -Wextra wants it in every use.
  // NOLINTNEXTLINE(readability-redundant-member-init)
  std::optional<ConfigFormat> format = {};
};

// Either a configuration without errors, or every error found (never empty). Finding no configuration at all
// is an error too, whose text names the places that were tried.
std::expected<Config, std::vector<Diagnostic>> LoadConfig(const ConfigSources& sources,
                                                          const ConfigHost& host);

}  // namespace socksify
