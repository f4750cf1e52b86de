// SPDX-License-Identifier: BSD-2-Clause
#include "resolver/local_names.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace socksify {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view WithoutTrailingDot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

// Takes the next field off the front of `line`; empty at its end.
std::string_view TakeField(std::string_view* line) {
  const size_t begin = line->find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  line->remove_prefix(begin);
  const std::string_view field = line->substr(0, line->find_first_of(kBlanks));
  line->remove_prefix(field.size());
  return field;
}

std::optional<IpAddress> ParseHostsAddress(std::string_view field) {
  // A scope by interface name is no part of what the address is.
  const std::optional<IpAddress> address = IpAddress::Parse(field.substr(0, field.find('%')));
  if (!address) return std::nullopt;
  return address->Unmapped();
}

// Whether wanted(address, fields) holds for any line; `fields` are what follows the address.
template <typename Wanted>
bool AnyLine(std::string_view hosts, Wanted wanted) {
  while (!hosts.empty()) {
    std::string_view line = hosts.substr(0, hosts.find('\n'));
    hosts.remove_prefix(line.size() < hosts.size() ? line.size() + 1 : line.size());
    line = line.substr(0, line.find('#'));
    const std::optional<IpAddress> address = ParseHostsAddress(TakeField(&line));
    if (address && wanted(*address, line)) return true;
  }
  return false;
}

// inet_aton(3) without its indulgence for what follows a blank, as getaddrinfo(3) uses it.
bool IsInetAton(const char* text) {
  in_addr ignored{};
  return std::strpbrk(text, " \t\n\v\f\r") == nullptr && inet_aton(text, &ignored) != 0;
}

}  // namespace

bool IsOwnName(std::string_view name, std::string_view own_name) {
  constexpr std::string_view kLocalhost = "localhost";
  constexpr std::string_view kBelowLocalhost = ".localhost";
  name = WithoutTrailingDot(name);
  own_name = WithoutTrailingDot(own_name);
  if (name.empty()) return false;
  if (EqualsIgnoreCase(name, own_name) || EqualsIgnoreCase(name, kLocalhost)) return true;
  return name.size() > kBelowLocalhost.size() &&
         EqualsIgnoreCase(name.substr(name.size() - kBelowLocalhost.size()), kBelowLocalhost);
}

bool IsNumericHost(std::string_view name) {
  char text[256];
  // inet_aton(3) wants a digit first, and IPv6 has a colon.
  const bool begins_with_digit = !name.empty() && name[0] >= '0' && name[0] <= '9';
  if (!begins_with_digit && name.find(':') == std::string_view::npos) return false;
  if (name.empty() || name.size() >= sizeof text || name.find('\0') != std::string_view::npos) return false;
  std::memcpy(text, name.data(), name.size());
  text[name.size()] = '\0';
  if (IsInetAton(text)) return true;
  // Whether the scope exists is for getaddrinfo to say; no name has a % in it.
  const size_t percent = name.find('%');
  if (percent != std::string_view::npos) text[percent] = '\0';
  in6_addr ignored{};
  return inet_pton(AF_INET6, text, &ignored) == 1;
}

bool HostsHaveName(std::string_view hosts, std::string_view name) {
  name = WithoutTrailingDot(name);
  if (name.empty()) return false;
  return AnyLine(hosts, [name](const IpAddress&, std::string_view fields) {
    for (;;) {
      const std::string_view field = TakeField(&fields);
      if (field.empty()) return false;
      if (EqualsIgnoreCase(WithoutTrailingDot(field), name)) return true;
    }
  });
}

void EachNameOfHosts(std::string_view hosts, void (*visit)(void* context, std::string_view name),
                     void* context) {
  AnyLine(hosts, [=](const IpAddress&, std::string_view fields) {
    for (;;) {
      const std::string_view field = TakeField(&fields);
      if (field.empty()) return false;
      visit(context, WithoutTrailingDot(field));
    }
  });
}

bool HostsHaveAddress(std::string_view hosts, const IpAddress& address) {
  const IpAddress plain = address.Unmapped();
  return AnyLine(hosts, [&plain](const IpAddress& listed, std::string_view fields) {
    return listed.is_v4() == plain.is_v4() &&
           std::memcmp(listed.bytes().data(), plain.bytes().data(), plain.bytes().size()) == 0 &&
           !TakeField(&fields).empty();
  });
}

bool IsNeverFaked(std::string_view name, std::string_view own_name, std::string_view hosts) {
  return IsNumericHost(name) || IsOwnName(name, own_name) || HostsHaveName(hosts, name);
}

std::string ReadHosts(const char* path) {
  std::string text;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return text;
  char block[4096];
  while (text.size() < kMaxHostsSize) {
    const auto size = static_cast<ssize_t>(syscall(SYS_read, fd, block, sizeof block));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(block, static_cast<size_t>(size));
  }
  syscall(SYS_close, fd);
  return text;
}

}  // namespace socksify
