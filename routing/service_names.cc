// SPDX-License-Identifier: BSD-2-Clause
#include "routing/service_names.h"

#include <algorithm>
#include <array>

namespace socksify {
namespace {

constexpr std::array<ServiceName, 46> kNames = {
    "ftp-data",   "ftp",    "ssh",   "telnet",  "smtp",       "time",        "whois",  "domain",
    "bootps",     "bootpc", "tftp",  "gopher",  "finger",     "http",        "www",    "kerberos",
    "pop3",       "sunrpc", "ident", "auth",    "nntp",       "ntp",         "imap2",  "imap",
    "snmp",       "irc",    "ldap",  "https",   "smtps",      "submissions", "isakmp", "syslog",
    "submission", "ldaps",  "ftps",  "telnets", "imaps",      "pop3s",       "socks",  "openvpn",
    "ms-sql-s",   "mysql",  "rdp",   "sip",     "postgresql", "http-alt"};
constexpr std::array<uint16_t, kNames.size()> kPorts = {
    20,  21,  22,  23,  25,  37,  43,   53,   67,   68,   69,   70,   79,   80,  80,  88,
    110, 111, 113, 113, 119, 123, 143,  143,  161,  194,  389,  443,  465,  465, 500, 514,
    587, 636, 990, 992, 993, 995, 1080, 1194, 1433, 3306, 3389, 5060, 5432, 8080};

}  // namespace

std::optional<uint16_t> BuiltInServicePort(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return kPorts[static_cast<size_t>(found - kNames.begin())];
}

std::span<const ServiceName> BuiltInServiceNames() {
  return kNames;
}

}  // namespace socksify
