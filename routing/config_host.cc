// SPDX-License-Identifier: BSD-2-Clause
#include "routing/config_host.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>

#include "base/socket_address.h"
#include "base/unique_fd.h"

namespace socksify {
namespace {

const char* GetEnv(const char* name) {
  return secure_getenv(name);
}

// 0 for what is of the user or of root, and closed to all others; root may have given a group the right to
// read.
int FindLeak(const struct stat& status) {
  if (status.st_uid != geteuid() && status.st_uid != 0) return kOfAnotherUser;
  const mode_t forbidden = status.st_uid == 0 ? S_IRWXO | S_IWGRP : S_IRWXO | S_IRWXG;
  return (status.st_mode & forbidden) == 0 ? 0 : EPERM;
}

enum class Openness : uint8_t { kAny, kSecret };

std::expected<std::string, int> Read(const std::string& path, size_t max_size, Openness openness) {
  // O_NONBLOCK: a FIFO in the file's place must not stop the program.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd.valid()) return std::unexpected(errno);
  struct stat status = {};
  if (fstat(fd.get(), &status) != 0) return std::unexpected(errno);
  if (S_ISDIR(status.st_mode)) return std::unexpected(EISDIR);
  const int leak = openness == Openness::kSecret ? FindLeak(status) : 0;
  if (leak != 0) return std::unexpected(leak);
  if (S_ISREG(status.st_mode) && static_cast<uint64_t>(status.st_size) > max_size)
    return std::unexpected(EFBIG);
  std::string content;
  // On the stack of some thread of the program's, whose pages stay in memory.
  std::array<char, 1024> buffer{};
  while (true) {
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count == 0) return content;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(errno);
    content.append(buffer.data(), static_cast<size_t>(count));
    if (content.size() > max_size) return std::unexpected(EFBIG);
  }
}

std::expected<std::string, int> ReadFile(const std::string& path, size_t max_size) {
  return Read(path, max_size, Openness::kAny);
}

std::expected<std::string, int> ReadSecret(const std::string& path, size_t max_size) {
  return Read(path, max_size, Openness::kSecret);
}

// An interface may have a link-layer address too, and a point-to-point one no netmask.
std::optional<InterfaceAddress> ReadInterface(const ifaddrs& entry) {
  if (entry.ifa_addr == nullptr || entry.ifa_netmask == nullptr || (entry.ifa_flags & IFF_UP) == 0) {
    return std::nullopt;
  }
  const bool is_v4 = entry.ifa_addr->sa_family == AF_INET;
  const socklen_t size = is_v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  const std::optional<Endpoint> address = EndpointFromSockaddr(entry.ifa_addr, size);
  if (!address) return std::nullopt;
  InterfaceAddress result{entry.ifa_name, address->ip(), 0};
  // The kernel leaves the family of a netmask unset at times; its layout is that of the address.
  const auto* const mask = reinterpret_cast<const uint8_t*>(entry.ifa_netmask) +
                           (is_v4 ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr));
  for (size_t i = 0; i < address->ip().bytes().size(); ++i) {
    result.prefix_bits += static_cast<unsigned>(std::countl_one(mask[i]));
    if (mask[i] != 0xff) break;
  }
  return result;
}

std::vector<InterfaceAddress> Interfaces() {
  std::vector<InterfaceAddress> result;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return result;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (std::optional<InterfaceAddress> address = ReadInterface(*entry))
      result.push_back(std::move(*address));
  }
  freeifaddrs(list);
  return result;
}

}  // namespace

ConfigHost ConfigHostWithoutNss() {
  // One by one: a constant of pointers would have to be relocated in every process that has the library.
  ConfigHost host{};
  host.get_env = GetEnv;
  host.read_file = ReadFile;
  host.read_secret = ReadSecret;
  host.interfaces = Interfaces;
  return host;
}

}  // namespace socksify
