// SPDX-License-Identifier: BSD-2-Clause
#include "routing/config_host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
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

std::expected<std::string, int> ReadFile(const std::string& path, size_t max_size) {
  // O_NONBLOCK: a FIFO in the file's place must not stop the program.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd.valid()) return std::unexpected(errno);
  struct stat status = {};
  if (fstat(fd.get(), &status) != 0) return std::unexpected(errno);
  if (S_ISDIR(status.st_mode)) return std::unexpected(EISDIR);
  std::string content;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
    if (count == 0) return content;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(errno);
    content.append(buffer.data(), static_cast<size_t>(count));
    if (content.size() > max_size) return std::unexpected(EFBIG);
  }
}

std::optional<uint16_t> ServicePort(const std::string& name, const char* transport) {
  servent entry = {};
  servent* found = nullptr;
  std::array<char, 2048> buffer{};
  const int error = getservbyname_r(name.c_str(), transport, &entry, buffer.data(), buffer.size(), &found);
  if (error != 0 || found == nullptr) return std::nullopt;
  return ntohs(static_cast<uint16_t>(found->s_port));
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

ConfigHost LocalConfigHost() {
  return {GetEnv, ReadFile, ServicePort, Interfaces};
}

}  // namespace socksify
